"""TLS and users as curl and a real Prometheus meet them."""

import contextlib
import os
import socket
import subprocess
import time

import bcrypt
import pytest

pytest.importorskip("cryptography", reason="needs the package cryptography")

from tests.programs import program
from tests.prometheus import Prometheus

from ..certificates import Authority
from ..harness import CollectorProcess, wait_until
from .test_slow_clients import memory

#: The usual cost, so that a check takes as long as it would.
HASH = bcrypt.hashpw(b"secret", bcrypt.gensalt(10)).decode()
USERS = f"basic_auth_users: {{alice: {HASH}}}\n"
TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key, %s}\n"
ALICE = ("--user", "alice:secret")


class Served:
    """A collector with a web configuration file, asked by curl."""

    def __init__(self, directory, text):
        self.directory = directory
        self.config = directory / "web.yml"
        self.write(text)
        self.curl = program("curl", "curl")
        self.collector = CollectorProcess(flags=[f"--web.config.file={self.config}"])
        self.collector.start(wait_ready=False)
        self.port = int(self.collector.url.rpartition(":")[2])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.collector.__exit__()

    def write(self, text):
        """Replace the file."""
        new = self.directory / "web.yml.new"
        new.write_text(text)
        new.replace(self.config)

    def ask(self, *flags, path="/-/healthy", scheme="https"):
        """Return curl's exit code (0 is an answer), and the status with headers and body."""
        command = [self.curl, "--silent", "--include", "--max-time", "30", "--http1.1"]
        if scheme == "https" and "--cacert" not in flags:
            command += ["--cacert", str(self.directory / "ca.crt")]
        url = f"{scheme}://127.0.0.1:{self.port}{path}"
        done = subprocess.run([*command, *map(str, flags), url], capture_output=True, check=False)
        head, _, body = done.stdout.decode().partition("\r\n\r\n")
        status = int(head.split()[1]) if head else 0
        return done.returncode, status, head, body

    def status(self, *flags, **more):
        """Return the status alone, 0 if there was no answer."""
        return self.ask(*flags, **more)[1]

    def count(self, name, **labels):
        """Return one of the collector's own counters; who asks is alice."""
        wanted = name + "".join(f'{{{key}="{value}"}} ' for key, value in labels.items())
        text = self.ask(*ALICE, path="/metrics")[3]
        return float(next(line for line in text.splitlines() if line.startswith(wanted)).split()[1])


@pytest.fixture()
def authority(tmp_path):
    made = Authority(tmp_path)
    made.server()
    return made


@pytest.fixture()
def served(tmp_path, authority):
    """TLS and one user."""
    with Served(tmp_path, TLS % "" + USERS) as running:
        yield running


def test_tls_and_users_cover_every_path(served):
    """Whatever is asked for, there or not, in whatever way."""
    there = ("/metrics", "/", "/-/healthy", "/api/v1/changes", "/api/v1/history")
    for path in (*there, "/api/v1/plugins", "/-/ready", "/nothing", "/%zz"):
        for wrong in ((), ("--user", "alice:wrong"), ("--user", "bob:secret")):
            code, status, head, body = served.ask(*wrong, path=path)
            assert (code, status) == (0, 401), (path, wrong)
            assert 'WWW-Authenticate: Basic realm="waggle-live-collector"' in head
            assert body == "Unauthorized\n"
    assert served.status("-X", "POST", "-d", "x", path="/metrics") == 401
    assert served.status("-X", "OPTIONS", path="/metrics") == 401
    assert served.status("-I", path="/metrics") == 401
    wait_until(lambda: served.status(*ALICE, path="/-/ready") == 200)
    assert {served.status(*ALICE, path=path) for path in there} == {200}
    assert served.status(*ALICE, path="/nothing") == 404
    assert served.status(*ALICE, "-X", "POST", path="/metrics") == 405
    assert served.count("waggle_collector_http_refusals_total", reason="unauthorized") == 30


def test_nothing_is_answered_without_tls(served):
    """A plain request gets no byte; one that trusts another authority neither."""
    assert served.ask(*ALICE, scheme="http")[:2] != (0, 200)
    assert served.status(*ALICE, scheme="http") == 0
    assert served.ask(*ALICE, "--cacert", "/etc/hostname")[0] != 0
    wait_until(lambda: served.status(*ALICE, path="/-/ready") == 200)
    assert served.count("waggle_collector_http_connections_total", outcome="tls") >= 1


def test_versions_below_the_least_are_refused(tmp_path, authority):
    """TLS 1.1 always, TLS 1.2 where the file says 1.3."""
    old = ("--tls-max", "1.1", "--tlsv1.0", "--ciphers", "DEFAULT@SECLEVEL=0")
    with Served(tmp_path, TLS % "") as served:
        assert served.status("--tls-max", "1.2") == 200
        assert served.status() == 200
        assert served.status(*old) == 0
        served.write(TLS % "min_version: TLS13")
        assert served.status("--tls-max", "1.2") == 0
        assert served.status("--tlsv1.3") == 200


def test_client_certificates_are_demanded_only_when_asked_for(tmp_path, authority):
    """None, one of ours if any is shown, one of ours always."""
    ours = authority.client()
    theirs = Authority(tmp_path, "other-ca").client("stranger")
    ours = ("--cert", ours[0], "--key", ours[1])
    theirs = ("--cert", theirs[0], "--key", theirs[1])
    policy = "client_ca_file: ca.crt, client_auth_type: %s"
    with Served(tmp_path, TLS % "") as served:
        asked = [(), ours, theirs]
        assert [served.status(*flags) for flags in asked] == [200, 200, 200]
        served.write(TLS % policy % "VerifyClientCertIfGiven")
        assert [served.status(*flags) for flags in asked] == [200, 200, 0]
        served.write(TLS % policy % "RequireAndVerifyClientCert")
        assert [served.status(*flags) for flags in asked] == [0, 200, 0]


def test_headers_of_the_file_are_on_every_answer(tmp_path, authority):
    """Refusals and errors included."""
    headers = "http_server_config: {headers: {X-Frame-Options: deny}}\n"
    with Served(tmp_path, USERS + headers) as served:
        for flags, path in (((), "/"), (ALICE, "/"), (ALICE, "/nothing")):
            assert "X-Frame-Options: deny" in served.ask(*flags, path=path, scheme="http")[2]


def test_a_change_counts_from_the_next_request_on(tmp_path, authority):
    """Users and passwords, on connections that stand too; a fault refuses; mended is mended."""
    with Served(tmp_path, USERS) as served:
        bob = ("--user", "bob:secret")
        assert served.status(*ALICE, scheme="http") == 200
        served.write(USERS.replace("alice", "bob"))
        assert served.status(*ALICE, scheme="http") == 401
        assert served.status(*bob, scheme="http") == 200
        served.write("")
        assert served.status(*bob, scheme="http") == 0
        served.write(USERS)
        assert served.status(*ALICE, scheme="http") == 200
        served.collector.stop()  # then all of its lines are written
        assert served.collector.log().count("everybody is refused") == 1
        assert "is valid again" in served.collector.log()


def test_a_connection_of_before_a_change_gets_nothing_more(tmp_path, authority):
    """Its keep-alive doesn't outlive what it was let in by."""
    with Served(tmp_path, USERS) as served:
        request = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\n\r\n"
        request %= b"YWxpY2U6c2VjcmV0"
        with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
            connection.sendall(request)
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
            served.write(USERS.replace("alice", "bob"))
            connection.sendall(request)
            assert connection.recv(4096).startswith(b"HTTP/1.1 401")
            served.write("nonsense")
            with contextlib.suppress(ConnectionError):
                connection.sendall(request)
                assert b"200" not in connection.recv(4096)


@pytest.mark.parametrize("text", ["", "tls_server_config: {cert_file: server.crt}\n"])
def test_a_broken_file_stops_the_start_before_the_port_is_open(tmp_path, authority, text):
    """Exit status 1, and a message with the file, the line and what would be right."""
    (tmp_path / "web.yml").write_text(text)
    # Of a port that is taken it would complain if it came to it first.
    with socket.create_server(("127.0.0.1", 0)) as taken:
        flags = [
            f"--web.config.file={tmp_path}/web.yml",
            "--web.listen-address=127.0.0.1:%d" % taken.getsockname()[1],
        ]
        with CollectorProcess(flags=flags) as collector:
            with pytest.raises(AssertionError, match="did not start"):
                collector.start(wait_ready=False)
            assert collector.process.wait(30) == 1
            log = collector.log()
    assert f"{tmp_path}/web.yml, line 1: " in log
    assert "key_file is missing" in log if text else "has no keys" in log
    assert "Traceback" not in log


@pytest.mark.alone
def test_guessing_holds_up_nobody_who_was_right_before(served):
    """Eight who guess keep a core busy; a scraper with the right password is not slower for it."""
    wait_until(lambda: served.status(*ALICE, path="/-/ready") == 200)
    guess = [served.curl, "--silent", "--insecure", "--output", os.devnull]
    url = f"https://127.0.0.1:{served.port}/[1-200]"
    guesses = [subprocess.Popen([*guess, "--user", f"alice:{number}", url]) for number in range(8)]
    try:
        time.sleep(0.5)
        took, guessed = [], []
        for number in range(3):
            begin = time.monotonic()
            assert served.status(*ALICE, path="/metrics") == 200
            took.append(time.monotonic() - begin)
            begin = time.monotonic()
            assert served.status("--user", f"alice:wrong{number}", path="/metrics") == 401
            guessed.append(time.monotonic() - begin)
        assert all(process.poll() is None for process in guesses)
        # With a check for each it would stand in the guesses' queue, as long as one more of them.
        assert sorted(took)[1] < sorted(guessed)[1] / 2
    finally:
        for process in guesses:
            process.kill()
            process.wait()


@pytest.mark.alone
def test_clients_that_never_shake_hands_hold_up_nobody(served):
    """200 that say nothing and 200 that say nonsense; a scrape takes less than a second."""
    wait_until(lambda: served.status(*ALICE, path="/-/ready") == 200)
    with contextlib.ExitStack() as stack:
        silent = []
        for number in range(400):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", served.port), 30))
            if number % 2:
                client.sendall(b"\x16\x03\x01 nonsense")
            silent.append(client)
        begin = time.monotonic()
        assert served.status(*ALICE, path="/metrics") == 200
        assert time.monotonic() - begin < 1
        for client in silent:
            with contextlib.suppress(ConnectionError):
                while client.recv(4096):
                    pass
    ends = "waggle_collector_http_connections_total"
    assert sum(served.count(ends, outcome=end) for end in ("tls", "crowded")) == 400


@pytest.mark.alone
@pytest.mark.parametrize(("said", "most"), [(b"", 52), (b"\x16\x03\x01\0\4\1\1\xff\xb8", 60)])
def test_unfinished_handshakes_cost_little_memory(served, said, most):
    """Silent ones, and those that claim a message of 128 KiB, which OpenSSL then takes at once."""
    assert served.status(*ALICE) == 200
    accepted = "waggle_collector_http_connections_total"
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            client = socket.create_connection(("127.0.0.1", served.port), 30)
            stack.enter_context(client).sendall(said)
        wait_until(lambda: served.status(*ALICE, path="/-/ready") == 200)
        assert served.count(accepted, outcome="accepted") >= 300
        assert memory(served.collector) < most << 20  # of the 60 MiB that it may take


def test_a_real_prometheus_scrapes_with_tls_a_password_and_a_certificate(tmp_path, authority):
    """Its target is up with them, and down without."""
    authority.client()
    Authority(tmp_path, "other-ca").client("stranger")
    policy = "client_ca_file: ca.crt, client_auth_type: RequireAndVerifyClientCert"
    with Served(tmp_path, TLS % policy + USERS) as served:
        jobs = [
            {
                "job_name": password,
                "scheme": "https",
                "scrape_interval": "1s",
                "static_configs": [{"targets": [f"127.0.0.1:{served.port}"]}],
                "tls_config": {"ca_file": "ca.crt", "cert_file": cert, "key_file": key},
                "basic_auth": {"username": "alice", "password": password},
            }
            for password, cert, key in (
                ("secret", "client.crt", "client.key"),
                ("guess", "client.crt", "client.key"),
                ("secret", "stranger.crt", "stranger.key"),
            )
        ]
        jobs[2]["job_name"] = "stranger"
        with Prometheus(tmp_path, jobs) as prometheus:

            def up():
                results = prometheus.query("up")
                return {result["metric"]["job"]: result["value"][1] for result in results}

            # The first scrapes may meet the two seconds that the collector waits after its start.
            expected = {"secret": "1", "guess": "0", "stranger": "0"}
            wait_until(lambda: up() == expected, seconds=60)
