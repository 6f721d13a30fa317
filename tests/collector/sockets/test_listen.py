"""Which addresses are listened on, as Go's programs do it."""

import contextlib
import os
import socket

import pytest

from waggle_live_collector.sockets.tcp import join, listen
from waggle_live_collector.sockets.unix import SocketError

from ..harness import CollectorProcess

V4, V6 = "127.0.0.1", "::1"


def reached(host):
    """Return which of the loopback's addresses reach a socket that listens on ``host``."""
    with listen(host, 0, to="listen", flag="x") as sock:
        port = sock.getsockname()[1]
        sock.settimeout(5)
        found = []
        for address in (V4, V6):
            # Where another process has that number at the other address, nobody comes here.
            with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=5):
                sock.accept()[0].close()
                found.append(address)
        return found


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6")
@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        ("", [V4, V6]),
        ("::", [V4, V6]),
        ("0:0:0:0:0:0:0:0", [V4, V6]),
        ("::ffff:127.0.0.1", [V4]),
        ("0.0.0.0", [V4]),
        (V4, [V4]),
        (V6, [V6]),
        ("localhost", [V4]),
    ],
)
def test_each_host_is_listened_on_as_go_does(host, addresses):
    """None and `::` are both families, a name its IPv4 address."""
    assert reached(host) == addresses


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 70 + ".b", "256.1.1.1", "x..y"])
def test_an_address_that_can_not_be_had_is_said(host):
    """With the flag; never a traceback."""
    with pytest.raises(SocketError, match=r"can't listen on .*:9090: .*--x"):
        listen(host, 9090, to="listen", flag="x")


def test_the_message_says_what_helps():
    """To stop another process only where there is one; no message has an address of Python's."""
    with listen(V4, 0, to="listen", flag="x") as sock:
        port = sock.getsockname()[1]
        with pytest.raises(SocketError) as caught:
            listen(V4, port, to="listen", flag="x")
    assert str(caught.value) == (
        f"can't listen on {V4}:{port}: another process listens there, perhaps another collector; "
        "stop it (`ss -ltnp` shows it), or choose another --x"
    )
    with pytest.raises(SocketError) as caught:
        listen("192.0.2.1", port, to="listen", flag="x")
    assert str(caught.value) == (
        f"can't listen on 192.0.2.1:{port}: Cannot assign requested address; choose another --x"
    )
    with pytest.raises(SocketError) as caught:
        listen("nowhere.invalid", port, to="listen", flag="x")
    assert "stop it" not in str(caught.value)


def test_an_address_is_written_as_it_is_given():
    """IPv6 in brackets."""
    assert [join("::", 1), join("127.0.0.1", 2)] == ["[::]:1", "127.0.0.1:2"]


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6")
def test_all_listen_addresses_are_served(monkeypatch):
    """Each has its own free port, and stands in the log; a variable for others disturbs nothing."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "/nowhere")
    flags = [f"--web.listen-address={host}:0" for host in (V4, f"[{V6}]", "")]
    with CollectorProcess(flags=flags) as collector:
        collector.start()
        (ready,) = [line for line in collector.log().splitlines() if "ready:" in line]
        addresses = [word[5:] for word in ready.split() if word.startswith("http=")]
        assert [address.rpartition(":")[0] for address in addresses] == [V4, f"[{V6}]", "[::]"]
        for address in addresses:
            collector.url = "http://" + address.replace("[::]", f"[{V6}]")
            assert collector.get("/-/healthy")[0] == 200


def test_the_socket_is_for_anybody_whatever_the_umask():
    """A collector that is started with 077 makes directories that plugins may enter."""
    with CollectorProcess() as collector:
        collector.socket_path = os.path.join(os.path.dirname(collector.socket_path), "a", "b", "s")
        before = os.umask(0o077)
        try:
            collector.start(wait_ready=False)
        finally:
            os.umask(before)
        path = collector.socket_path
        modes = []
        for each in (os.path.dirname(os.path.dirname(path)), os.path.dirname(path), path):
            modes.append(os.stat(each).st_mode & 0o777)
        assert modes == [0o755, 0o755, 0o666]
