"""The files that ``--web.config.file`` names: none of them can silence or open the port."""

import os
import socket

import pytest

pytest.importorskip("cryptography", reason="needs the package cryptography")

from waggle_live_collector.web.config import WebConfigFile, load
from waggle_live_collector.web.errors import WebConfigError

from ...leftovers import descriptors, new_descriptors
from ..certificates import Authority
from ..world import Time
from .test_config import TLS, USERS, write

CA = TLS % "client_ca_file: ca.crt, client_auth_type: RequireAndVerifyClientCert"


@pytest.fixture()
def directory(tmp_path):
    """A directory with a certificate, its authority, and files that are none."""
    Authority(tmp_path).server()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "long").write_bytes(b"x" * (1 << 20) + b"x")
    (tmp_path / "loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as sock:
        folder = os.open(tmp_path, os.O_PATH)
        sock.bind(f"/proc/self/fd/{folder}/socket")
        os.close(folder)
    return tmp_path


@pytest.mark.parametrize("comment", ["\u00fc\n", b"\xff\x00\n", "# \u2028\n"])
def test_comments_in_an_authority_s_file_may_be_of_any_bytes(directory, comment):
    """As `openssl x509 -text` writes them."""
    path = directory / "ca.crt"
    comment = comment.encode() if isinstance(comment, str) else comment
    path.write_bytes(comment + path.read_bytes() + comment)
    assert load(write(directory, CA)).tls.context.get_ca_certs()


NAMES = ["fifo", "folder", "long", "loop", "socket", "none", "/dev/zero", '"a\\0b"']


@pytest.mark.parametrize("key", ["cert_file", "key_file", "client_ca_file"])
@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_none_is_said_at_once(directory, key, name):
    """With the line and the key; nothing waits for it, and no descriptor stays open."""
    values = {"cert_file": "server.crt", "key_file": "server.key", "client_ca_file": "ca.crt"}
    values[key] = name
    text = "tls_server_config: {%s, client_auth_type: RequireAndVerifyClientCert}"
    config = write(directory, text % ", ".join(f"{k}: {v}" for k, v in values.items()))
    before = descriptors()
    with pytest.raises(WebConfigError, match=f"line 1: {key}: can't read "):
        load(config)
    assert not new_descriptors(before)


@pytest.mark.parametrize("name", [*NAMES[:6], "a\0b"])
def test_a_configuration_that_is_no_file_is_said_at_once(directory, name):
    """Without a line, for it has none."""
    with pytest.raises(WebConfigError, match="can't be read"):
        load(str(directory / name))


@pytest.mark.parametrize("name", ["fifo", "folder", "long", '"a\\0b"'])
def test_while_it_runs_such_a_file_refuses_everybody_until_it_is_mended(directory, name):
    """Whatever came in the place of a good one."""
    file = WebConfigFile(write(directory, CA), clock=Time())
    assert file.current() is not None
    write(directory, CA.replace("ca.crt", name))
    assert file.current() is None
    write(directory, CA)
    assert file.current() is not None


def test_a_fault_of_our_own_refuses_everybody_too(directory, monkeypatch, caplog):
    """It is logged with its traceback, once; the port is open to nobody meanwhile."""
    file = WebConfigFile(write(directory, USERS), clock=Time())
    monkeypatch.setattr("waggle_live_collector.web.config.load", lambda path: 1 / 0)
    write(directory, USERS)
    for _ in range(3):
        assert file.current() is None
    assert caplog.text.count("ZeroDivisionError") == 1
    assert caplog.text.count("everybody is refused") == 1
