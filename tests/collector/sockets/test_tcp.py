"""Plugins that report over TCP: with a token, without one, and those that vanish."""

import os
import re
import socket
import subprocess
import sys
import time

import pytest

from ..harness import START_SECONDS, Client, start, wait_until
from ..world import counter

TOKEN = "a-secret-of-the-node"
#: Linux: a connection of which the kernel then forgets its end, without a word to the other.
TCP_REPAIR = 19
PLUGIN = """
import logging
from waggle_live import LiveMetrics

class Said(logging.StreamHandler):
    lines = 0

    def emit(self, record):
        super().emit(record)
        self.lines += 1

said = Said()
logging.basicConfig(handlers=[said])
with LiveMetrics(plugin_name="tcp") as live:
    live.counter("n").inc()
    is_applied = False
    while not is_applied and not said.lines:
        is_applied = live.flush(0.2)
print(is_applied)
"""


class TcpClient(Client):
    """The hand-written client, over TCP."""

    def __init__(self, collector):
        self.socket = socket.create_connection(("127.0.0.1", port_of(collector)), START_SECONDS)
        self._file = self.socket.makefile("rb")


def port_of(collector):
    return int(re.findall(r"tcp=127\.0\.0\.1:(\d+)", collector.log())[-1])


def start_tcp(*flags, **more):
    return start(flags=["--tcp.listen-address=127.0.0.1:0", *flags], **more)


def run_plugin(collector, token=None):
    """Run a plugin of the real client over TCP until it is heard or complains; return its words."""
    environ = {**os.environ, "WAGGLE_LIVE_METRICS": f"tcp://127.0.0.1:{port_of(collector)}"}
    if token is not None:
        environ["WAGGLE_LIVE_METRICS_TOKEN"] = token
    done = subprocess.run(
        [sys.executable, "-c", PLUGIN], env=environ, capture_output=True, text=True, check=True
    )
    return done.stdout + done.stderr


@pytest.fixture()
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    return path


def refused(collector, reason):
    return collector.value("waggle_collector_refusals_total", 0, reason=reason)


def test_without_a_token_whoever_reaches_it_may_report():
    """That is said at the start; what comes over TCP is never verified."""
    with start_tcp() as collector:
        assert "without --tcp.token-file" in collector.log()
        assert "True" in run_plugin(collector)
        assert collector.value("waggle_count_total", name="n", plugin="tcp") == 1
        ((info, _),) = collector.scrape().all("waggle_plugin_info")
        assert info["verified"] == "no"
        assert collector.value("waggle_collector_identity_checks_total", result="tcp") == 1


def test_tcp_is_off_by_default():
    """No port but that of HTTP."""
    with start() as collector:
        assert "tcp=" not in collector.log()


def test_the_token_lets_in_and_is_told_to_nobody(token_file):
    """A missing or wrong one is refused with what to set, counted, and shown nowhere."""
    with start_tcp(f"--tcp.token-file={token_file}", "--log.level=debug") as collector:
        assert "True" in run_plugin(collector, TOKEN)
        assert collector.value("waggle_count_total", name="n", plugin="tcp") == 1
        for number, wrong in enumerate((None, TOKEN[:-1], TOKEN + "x", ""), 1):
            output = run_plugin(collector, wrong)
            assert "True" not in output
            assert "set WAGGLE_LIVE_METRICS_TOKEN" in output
            assert refused(collector, "token") >= number
        with TcpClient(collector) as client:
            answer = client.hello(token="wrong", colour="green")
            assert (answer["code"], answer["refused"]) == ("token", "")
            assert client.read() is None
        with TcpClient(collector) as client:
            answer = client.hello(token=TOKEN, plugin=7)
            assert (answer["code"], answer["refused"]) == ("bad_message", "")
        with Client(collector) as client:  # the socket's directory says who may use that
            assert client.hello()["type"] == "welcome"
        assert TOKEN not in collector.log()
        assert "wrong" not in collector.log()
        assert TOKEN not in collector.get("/metrics")[2].decode()
        assert TOKEN not in collector.get("/api/v1/plugins")[2].decode()


def test_a_token_can_be_replaced_while_it_runs(token_file):
    """The new one is valid at once and the old one no more; an empty file admits nobody."""
    with start_tcp(f"--tcp.token-file={token_file}") as collector:
        with TcpClient(collector) as connected:
            assert connected.hello(token=TOKEN)["type"] == "welcome"
            token_file.write_text("another")
            for token, kind in ((TOKEN, "error"), ("another", "welcome")):
                with TcpClient(collector) as client:
                    assert client.hello("session-2", token=token)["type"] == kind
            token_file.write_text("")
            for token in ("another", "", None):
                with TcpClient(collector) as client:
                    assert client.hello("session-3", token=token)["type"] == "error"
            wait_until(lambda: "must hold 1 to 1024 bytes" in collector.log())
            connected.update(1, [counter("n", 1)])
            assert connected.flush()[-1]["type"] == "applied"  # who is in stays in


@pytest.mark.parametrize("text", [None, "", "x" * 1025])
def test_a_token_file_that_is_no_good_stops_the_start(tmp_path, text):
    """So that the port is never open with less than was asked for."""
    path = tmp_path / "token"
    if text is not None:
        path.write_text(text)
    with pytest.raises(AssertionError, match="token file"):
        start_tcp(f"--tcp.token-file={path}")


def test_proof_can_not_be_had_over_tcp():
    """With ``require`` all of it is refused, whatever is claimed."""
    with start_tcp("--identity.verify=require") as collector, TcpClient(collector) as client:
        answer = client.hello(app_id="2f0c8a4e-6f2d-4c7e-9d5f-0f6f3b1a7c11")
        assert answer["code"] == "identity"
        assert client.read() is None
        assert refused(collector, "identity") == 1


def test_a_peer_that_vanished_is_noticed():
    """It said nothing at its end, as when its machine lost power: the kernel asks, and sees."""
    with start_tcp(limits="Limits(keepalive=(1, 1, 1))") as collector:
        client = TcpClient(collector)
        client.hello()
        client.flush()
        assert collector.value("waggle_plugin_up") == 1
        time.sleep(0.5)  # or what it has not acknowledged yet would be sent again, and give it away
        try:
            client.socket.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        except OSError as error:
            client.close()
            assert not os.environ.get("CI"), error
            pytest.skip(f"only root may make a connection vanish: {error}")
        client.close()
        wait_until(lambda: collector.value("waggle_plugin_up") == 0, seconds=110)


def test_the_tcp_port_stays_when_the_socket_is_made_anew():
    """The file of the unix socket was removed; who comes over TCP notices nothing."""
    with start_tcp() as collector:
        port = port_of(collector)
        os.unlink(collector.socket_path)
        wait_until(lambda: os.path.exists(collector.socket_path))
        with TcpClient(collector) as tcp, Client(collector) as unix:
            assert tcp.hello()["type"] == "welcome"
            assert unix.hello("session-2")["type"] == "welcome"
        assert port == port_of(collector)


def test_the_real_client_sends_no_token_over_the_socket(monkeypatch):
    """It is for a collector that is reached over TCP alone."""
    from waggle_live.reporter.identity import find_identity
    from waggle_live.reporter.session import Session

    monkeypatch.setenv("WAGGLE_LIVE_METRICS_TOKEN", TOKEN)
    session = Session(find_identity("p", None, None, None, {}))
    assert "token" not in session.hello()
    assert session.hello(over_tcp=True)["token"] == TOKEN
