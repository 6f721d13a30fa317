"""The file of ``--web.config.file``: what is taken, and what is said about what isn't."""

import ssl
import textwrap

import bcrypt
import pytest

pytest.importorskip("cryptography", reason="needs the package cryptography")

from cryptography.hazmat.primitives.asymmetric import ec

from waggle_live_collector.web.config import WebConfigFile, load
from waggle_live_collector.web.errors import WebConfigError

from ...leftovers import descriptors, new_descriptors
from ..certificates import Authority, private
from ..world import Time

HASH = bcrypt.hashpw(b"secret", b"$2b$04$" + b"." * 22).decode()
TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key, %s}\n"
USERS = "basic_auth_users: {alice: %s}\n" % HASH


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """A directory with server.crt, server.key and ca.crt."""
    path = tmp_path_factory.mktemp("web")
    Authority(path).server()
    Authority(path, "other-ca").server("other")
    (path / "locked.key").write_bytes(private(ec.generate_private_key(ec.SECP256R1()), b"x"))
    (path / "text").write_text("nothing")
    return path


def write(directory, text):
    """Write the file anew, as no file system's clock would miss; return its path."""
    path = directory / "web.yml"
    new = directory / "web.yml.new"
    new.write_text(textwrap.dedent(text))
    new.replace(path)
    return str(path)


def test_tls_users_and_headers_are_taken(directory):
    """Paths are relative to the file; TLS is 1.2 at least by default."""
    text = TLS % "" + USERS + "http_server_config:\n  headers:\n"
    text += "    X-Frame-Options: deny\n    Strict-Transport-Security: max-age=60\n"
    config = load(write(directory, text))
    assert config.users == {"alice": HASH.encode()}
    assert config.headers == {"X-Frame-Options": "deny", "Strict-Transport-Security": "max-age=60"}
    context = config.tls.context
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_NONE
    assert not config.is_open


def test_inline_certificates_are_taken(directory):
    """PEM in the file itself is as good as a path."""

    def block(name):
        return textwrap.indent((directory / name).read_text(), "    ")

    text = f"tls_server_config:\n  cert: |\n{block('server.crt')}  key: |\n{block('server.key')}"
    text += f"  client_ca: |\n{block('ca.crt')}  client_auth_type: RequireAndVerifyClientCert\n"
    config = load(write(directory, text))
    assert config.tls.files == ()
    assert len(config.tls.context.get_ca_certs()) == 1


@pytest.mark.parametrize(
    ("policy", "mode"),
    [
        ("NoClientCert", ssl.CERT_NONE),
        ("VerifyClientCertIfGiven, client_ca_file: ca.crt", ssl.CERT_OPTIONAL),
        ("RequireAndVerifyClientCert, client_ca_file: ca.crt", ssl.CERT_REQUIRED),
    ],
)
def test_client_certificates_are_asked_for_as_the_file_says(directory, policy, mode):
    """Of Go's policies those that OpenSSL has."""
    config = load(write(directory, TLS % f"client_auth_type: {policy}"))
    assert config.tls.context.verify_mode == mode


UNSUPPORTED = {
    "max_version: TLS13": "tls",
    "client_allowed_sans: [a]": "tls",
    "cipher_suites: [TLS_AES_128_GCM_SHA256]": "tls",
    "prefer_server_cipher_suites: true": "tls",
    "curve_preferences: [X25519]": "tls",
    "http_server_config: {http2: true}": "http",
    "rate_limit: {burst: 1}": "top",
}


@pytest.mark.parametrize("text", UNSUPPORTED)
def test_other_keys_of_the_toolkit_are_refused_with_what_is_supported(directory, text):
    """Never passed over, since whoever wrote one relies on it."""
    place, lead = UNSUPPORTED[text], "basic_auth_users: {alice: %s}\n" % HASH
    if place == "tls":
        lead = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n  "
    path = write(directory, lead + text)
    supported = {
        "tls": "cert_file, key_file, cert, key, client_auth_type, client_ca_file, client_ca, "
        "min_version",
        "http": "headers",
        "top": "tls_server_config, http_server_config, basic_auth_users",
    }[place]
    key = text.split("{")[1] if place == "http" else text
    with pytest.raises(WebConfigError) as caught:
        load(path)
    assert str(caught.value) == (
        f"{path}, line {(lead + text).count(chr(10)) + 1}: {key.partition(':')[0]} is not "
        f"supported; supported are {supported}"
    )


FAULTS = {
    "": "line 1: has no keys: it must have tls_server_config",
    "# nothing\n": "line 1: has no keys",
    "[]": "line 1: has no keys",
    "a: [": "line 1: is not YAML",
    "a:\n\t- b": "line 2: is not YAML",
    "[" * 5000: "is not YAML",
    "basic_auth_user: {}": "line 1: basic_auth_user is not supported; supported are tls_server",
    USERS * 2: "line 2: basic_auth_users occurs twice in the file; remove one",
    "basic_auth_users:": "line 1: basic_auth_users: must be keys with values, got nothing",
    "basic_auth_users: []": "must be keys with values, got a list",
    "basic_auth_users:\n  a: secret": "line 2: a: must be a bcrypt hash like $2y$10$",
    "basic_auth_users: {a: 12}": "a: must be a bcrypt hash like $2y$10$... "
    "(`htpasswd -nBC 10 USER` makes one), got a number",
    "basic_auth_users: {'a:b': %s}" % HASH: "a user name can't contain ':'",
    "basic_auth_users: {~: %s}" % HASH: "a key of basic_auth_users must be text, got nothing",
    "basic_auth_users: {a: %s}" % HASH.replace("$04$", "$31$"): "a bcrypt cost of 31 takes longer",
    "basic_auth_users: {a: %s}" % HASH[:-1]: "a: must be a bcrypt hash",
    "tls_server_config: {}": "line 1: tls_server_config: must be keys with values, got no keys",
    "tls_server_config:\n  min_version: TLS12": "cert_file is missing; TLS needs cert_file and",
    "tls_server_config:\n  cert_file: server.crt": "key_file is missing",
    "tls_server_config: {cert_file: [a]}": "cert_file: must be the path of a PEM file, got a list",
    "tls_server_config: {cert_file: true}": "must be the path of a PEM file, got true or false",
    "tls_server_config:\n  cert_file: nowhere.crt": "line 2: cert_file: can't read",
    "tls_server_config: {cert_file: text}": "cert_file: must be PEM text with a line that ends",
    "tls_server_config: {cert_file: text, cert: x}": "cert: give cert or cert_file, not both",
    "tls_server_config:\n  cert_file: server.crt\n  key_file: server.crt": "line 3: key_file: must "
    "be PEM text with a line that ends with PRIVATE KEY-----",
    "tls_server_config:\n  cert_file: server.crt\n  key_file: other.key": "line 3: key_file: does "
    "not belong to the certificate",
    "tls_server_config:\n  cert_file: server.crt\n  key_file: locked.key": "line 3: key_file: is "
    "encrypted; give one without a passphrase",
    TLS % "min_version: TLS11": "min_version: must be one of TLS12, TLS13, got 'TLS11'",
    TLS % "min_version: 1.2": "min_version: must be one of TLS12, TLS13, got a number",
    TLS % "client_auth_type: RequireAnyClientCert": "must be one of NoClientCert, VerifyClientCert",
    TLS % "client_auth_type: Any": "must be one of NoClientCert, VerifyClientCertIfGiven",
    TLS % "client_auth_type: RequireAndVerifyClientCert": "needs client_ca_file, the authority",
    TLS % "client_ca_file: ca.crt": "is of no use without client_auth_type",
    "http_server_config: {http3: true}": "http3 is not supported; supported are headers",
    "http_server_config: {headers: {X-Other: a}}": "X-Other is not supported; supported are Conten",
    "http_server_config: {headers: {X-Frame-Options: no-way}}": "must be one of deny, sameorigin",
    'http_server_config: {headers: {X-XSS-Protection: "a\\nb"}}': "must be one line of printable",
}


@pytest.mark.parametrize("text", FAULTS, ids=lambda text: text[:40].strip() or "empty")
def test_each_fault_is_named_with_its_line_and_what_is_right(directory, text):
    """The message begins with the file; a secret is never in it."""
    path = write(directory, text)
    with pytest.raises(WebConfigError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(path)
    assert FAULTS[text] in message
    assert "\n" not in message
    assert HASH not in message


def test_a_file_that_is_not_there_or_no_text_is_a_fault(directory):
    """The reason of the operating system is in the message."""
    with pytest.raises(WebConfigError, match=r"none\.yml: can't be read: No such file"):
        load(str(directory / "none.yml"))
    (directory / "binary.yml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(WebConfigError, match="is not UTF-8"):
        load(str(directory / "binary.yml"))


class Watched:
    """A web configuration file under watch, with a clock that stands still."""

    def __init__(self, directory, text):
        self.directory = directory
        self.time = Time()
        self.file = WebConfigFile(write(directory, text), clock=self.time)

    def after(self, text):
        """Return the configuration once the file is changed."""
        write(self.directory, text)
        return self.file.current()


def test_a_change_is_seen_at_once_and_none_is_read_twice(directory):
    """No configuration is made anew while nothing changed."""
    watched = Watched(directory, USERS)
    config = watched.file.current()
    assert watched.file.current() is config
    assert set(watched.after(USERS.replace("alice", "bob")).users) == {"bob"}


def test_a_changed_certificate_is_seen_at_once(directory, tmp_path):
    """Although the file that names it is the same."""
    for name in ("server.crt", "server.key"):
        (tmp_path / name).write_bytes((directory / name).read_bytes())
    watched = Watched(tmp_path, TLS % "")
    config = watched.file.current()
    for name in ("server.crt", "server.key"):
        (tmp_path / name).write_bytes((directory / name.replace("server", "other")).read_bytes())
    assert watched.file.current().tls is not config.tls


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "nonsense",
        "http_server_config: {headers: {X-Frame-Options: deny}}",
        USERS,
        TLS % "",
        TLS % "a: b" + USERS,
    ],
)
def test_a_file_that_is_broken_or_weaker_refuses_everybody_until_mended(directory, broken, caplog):
    """Nobody is let in whom the change was to keep out, and the log says so once."""
    watched = Watched(directory, TLS % "" + USERS)
    assert watched.after(broken) is None
    for _ in range(3):
        watched.time.pass_(2)
        assert watched.file.current() is None
    assert [r.levelname for r in caplog.records] == ["ERROR"]
    assert "everybody is refused" in caplog.text
    caplog.set_level("INFO")
    assert watched.after(TLS % "" + USERS).users
    assert "is valid again" in caplog.text


def test_tls_cannot_be_switched_on_by_a_change(directory):
    """Scrapers would speak plainly to a port that wants TLS: a restart says it is meant."""
    watched = Watched(directory, USERS)
    assert watched.after(USERS + TLS % "") is None


def test_what_is_mended_beside_the_file_is_seen_within_a_second(directory, tmp_path):
    """A key file that comes later, or may be read later, changes nothing in what was seen."""
    watched = Watched(directory, TLS % "")
    assert watched.after(TLS.replace("server.key", str(tmp_path / "late.key")) % "") is None
    (tmp_path / "late.key").write_bytes((directory / "server.key").read_bytes())
    watched.time.pass_(2)
    assert watched.file.current() is not None


def test_a_file_that_protects_nothing_is_said_in_the_log(directory, caplog):
    """Headers alone may be meant, but are worth a warning."""
    config = Watched(
        directory, "http_server_config: {headers: {X-Frame-Options: deny}}"
    ).file.current()
    assert config.is_open
    assert "neither tls_server_config nor basic_auth_users" in caplog.text


def test_no_descriptor_is_left_open(directory):
    """However often it is read."""
    path = write(directory, TLS % "")
    before = descriptors()
    for _ in range(20):
        load(path)
    assert not new_descriptors(before)
