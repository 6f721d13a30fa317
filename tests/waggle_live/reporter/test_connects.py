"""How often a collector is connected to that doesn't keep a connection, while somebody waits."""

import socket
import threading
import time

import pytest

from waggle_live.live import LiveMetrics
from waggle_live.native import Native
from waggle_live.reporter import address
from waggle_live.wire.errors import InvalidMetric

from ..helpers import until
from ..listener import Listener, TcpListener

pytestmark = pytest.mark.oldest_and_newest


@pytest.fixture
def tcp():
    """A listener over TCP."""
    made = TcpListener()
    yield made
    made.stop()


@pytest.mark.parametrize(
    "code", ["no_hello", "session_limit", "identity", "token", "session_taken"]
)
def test_a_refusal_is_not_asked_for_again_and_again(listener, connect, code):
    """A flush that waits for a collector that refuses connects a few times, not 45 a second."""
    listener.refuse = {"type": "error", "code": code, "text": "no"}
    live = connect()
    live.counter("c").inc()
    assert live.flush(2) is False
    assert 2 <= len(listener.connections) <= 15


def test_one_that_hangs_up_is_left_in_peace(tcp):
    """The intervals double over TCP as well, where no file tells one collector from the next."""
    tcp.hangs_up = True
    live = LiveMetrics(address=tcp.address, plugin_name="x", interval=0.02)
    live.counter("c").inc()
    link = until(lambda: live._reporter._sender)._link
    assert live.flush(2) is False
    assert 4 <= link._short <= 15


def test_a_flush_succeeds_once_it_can(listener, connect):
    """It goes on trying while a collector hangs up or refuses, and tells all when it doesn't."""
    live = connect()
    live.counter("c").inc(3)
    assert live.flush(5)
    listener.hangs_up = True
    listener.hang_up()
    flushed = []
    waiting = threading.Thread(target=lambda: flushed.append(live.flush(20)))
    waiting.start()
    time.sleep(0.3)
    live.counter("c").inc(4)
    listener.hangs_up = False
    waiting.join()
    assert flushed == [True]
    assert live.flush(5)
    assert listener.total("counter", "c") == 7


def test_a_collector_that_dies_young_is_found_soon(tcp):
    """Where nobody listened meanwhile it is another one, and is tried at once, over TCP too."""
    live = LiveMetrics(address=tcp.address, plugin_name="x", interval=0.02).open()
    link = until(lambda: live._reporter._sender)._link
    for _ in range(6):
        live.counter("c").inc()
        assert live.flush(10)
        tcp.stop()
        assert live.flush(0.3) is False
        until(lambda: not link._short)
        tcp.start()
    assert live.flush(10)
    assert tcp.total("counter", "c") == 6


def test_a_socket_that_is_made_while_it_connects_is_preferred(monkeypatch, tmp_path, tcp):
    """A collector that starts just then is reported to where it can prove who that is, at once."""
    path, sockets = str(tmp_path / "l.sock"), []
    look_up = Native.getaddrinfo

    def slow(host, *arguments, **how):
        if not sockets:
            sockets.append(Listener(path))
        return look_up("127.0.0.1", *arguments, **how)

    monkeypatch.setenv("WAGGLE_APP_ID", "a-pod")
    monkeypatch.setattr(address, "DEFAULT_SOCKET_PATHS", (path,))
    monkeypatch.setattr(address, "user_socket_paths", lambda *_: [])
    monkeypatch.setattr(address, "SERVICE_PORT", tcp.port)
    monkeypatch.setattr(Native, "getaddrinfo", slow)
    live = LiveMetrics(plugin_name="x").open()
    live.counter("c").inc()
    assert live.flush(10)
    assert [each for each in tcp.connections if each] == []
    assert sockets[0].total("counter", "c") == 1
    live.close()
    sockets[0].stop()


def test_many_that_are_hung_up_on_come_back_apart(listener):
    """Their intervals differ, so they don't connect all at once again."""
    made = [
        LiveMetrics(address="unix://" + listener.path, plugin_name="p%d" % number, interval=0.02)
        for number in range(10)
    ]
    for live in made:
        assert live.open().flush(5)
    links = [live._reporter._sender._link for live in made]
    listener.hangs_up = True
    listener.hang_up()
    until(lambda: all(link._short >= 3 for link in links))
    assert len({round(link._retry_at - link._connected_at, 4) for link in links}) > 3


def test_a_full_backlog(tmp_path, caplog):
    """A stopped collector whose backlog is full refuses at once and blocks nobody."""
    path = str(tmp_path / "full.sock")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen(0)
        fillers = []
        for _ in range(3):
            filler = socket.socket(socket.AF_UNIX)
            filler.setblocking(False)
            fillers.append(filler)
            try:
                filler.connect(path)
            except BlockingIOError:
                break
        began = time.monotonic()
        live = LiveMetrics(address="unix://" + path, plugin_name="x", interval=0.02)
        with live:
            live.counter("c").inc()
        live.close()
        assert time.monotonic() - began < 5
        until(lambda: len(caplog.records) == 1)
        for filler in fillers:
            filler.close()


@pytest.mark.parametrize("job", ["app_id:x", " app_id:"])
def test_a_job_that_is_the_collectors(job):
    """It is refused at the call, for the collector would refuse each connection."""
    with pytest.raises(InvalidMetric, match="job must not begin with 'app_id:'"):
        LiveMetrics(plugin_name="x", job=job)
