"""Real connections to a real collector: floods, silence, half-open sockets."""

import socket
import time

import pytest

from waggle_live.wire.protocol import MAX_LINE_BYTES

from ..harness import Client, start, wait_until
from ..world import counter

#: Connections that one process makes here.
MANY = 300


@pytest.fixture(scope="module")
def collector():
    with start(limits=f"Limits(process_pace=(10 * {MANY}, 1))") as running:
        yield running


def count(collector, plugin):
    return collector.value("waggle_count_total", None, name="a", plugin=plugin)


def test_a_one_shot_client_that_closes_its_side_is_answered(collector):
    """As the shell example of the protocol does it."""
    with Client(collector) as client:
        client.send({"type": "hello", "version": 1, "session": "one-shot", "key": "key-one-shot"})
        client.update(1, [counter("a", 1)])
        client.send({"type": "bye", "number": 3, "status": "ok"})
        client.socket.shutdown(socket.SHUT_WR)
        assert [client.read()["type"] for _ in range(2)] == ["welcome", "applied"]
        assert client.read() is None
    assert count(collector, "unknown") == 1


def test_a_takeover_closes_the_old_connection(collector):
    """Its peer reads the end of the file; what it wrote late is ignored."""
    with Client(collector) as old, Client(collector) as new:
        old.hello("take-over", plugin="take-over")
        old.update(1, [counter("a", 1)])
        old.flush()
        assert new.hello("take-over", plugin="take-over")["resumed"] is True
        assert old.read() is None
        new.update(2, [counter("a", 2)])
        new.flush()
    assert count(collector, "take-over") == 2


def test_a_plugin_is_down_within_a_second_of_its_end(collector):
    """The end of its connection is enough."""
    with Client(collector) as client:
        client.hello("short-life", plugin="short-life")
        assert collector.value("waggle_plugin_up", plugin="short-life") == 1
    wait_until(lambda: collector.value("waggle_plugin_up", plugin="short-life") == 0, seconds=10)


def test_many_connections_at_once_are_all_served(collector):
    """More than fit among those that said nothing, all talking."""
    clients = []
    try:
        for number in range(MANY):
            client = Client(collector)
            clients.append(client)
            hello = {"type": "hello", "version": 1, "key": "key-of-many", "plugin": "many"}
            client.send({**hello, "session": f"many-{number:04}"})
            client.update(1, [counter("a", 1)])
            client.send({"type": "flush", "number": number})
        for number, client in enumerate(clients):
            assert client.read()["type"] == "welcome"
            assert client.read() == {"type": "applied", "number": number}
        assert count(collector, "many") == 300
        assert collector.value("waggle_plugin_sessions", plugin="many") == 300
    finally:
        for client in clients:
            client.close()


def test_silent_connections_keep_nobody_out(collector):
    """Two hundred that say nothing, of the same process."""
    silent = [Client(collector) for _ in range(200)]
    try:
        for client in silent:
            client.send(b"x" * 10_000)
        with Client(collector) as client:
            assert client.hello("talker-1", plugin="talker")["type"] == "welcome"
            client.update(1, [counter("a", 1)])
            client.flush()
        assert count(collector, "talker") == 1
    finally:
        for client in silent:
            client.close()


def test_a_peer_that_reads_nothing_is_cut_off_and_hurts_nobody(collector):
    """It floods with nonsense and flushes; neighbours and scrapes go on."""
    with Client(collector) as flood, Client(collector) as neighbour:
        flood.hello("flooding", plugin="flood")
        neighbour.hello("neighbour", plugin="neighbour")
        worst = 0.0
        with pytest.raises(OSError):
            for number in range(1, 2000):
                flood.send(b'{"type":"flush","number":1}\n' * 2000)
                if number % 20 == 0:
                    begin = time.monotonic()
                    neighbour.update(number, [counter("a", number)])
                    neighbour.flush()
                    assert count(collector, "neighbour") == number
                    worst = max(worst, time.monotonic() - begin)
        assert worst < 5
    assert collector.value("waggle_collector_connections_total", outcome="unread") >= 1


def test_a_line_without_an_end_costs_no_memory(collector):
    """64 MiB without a newline are skipped; the next line counts."""
    before = collector.value("process_resident_memory_bytes")
    with Client(collector) as client:
        client.hello("long-line", plugin="long-line")
        for _ in range(64):
            client.send(b"x" * MAX_LINE_BYTES)
        client.send(b"\n")
        client.update(1, [counter("a", 1)])
        answers = client.flush()
    assert [answer.get("code") for answer in answers] == ["too_long", None]
    assert count(collector, "long-line") == 1
    after = collector.value("process_resident_memory_bytes")
    assert after - before < 20 * 2**20
