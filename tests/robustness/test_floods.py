"""Floods from one peer: refused and counted, memory bounded, neighbours and scrapes unaffected."""

import contextlib
import socket
import threading
import time

import pytest

from tests.collector.harness import Client, start, wait_until

from .processes import MIB, peak, resident

pytestmark = pytest.mark.alone

BAD_CELLS = b'{"type":"update","number":1,"monotonic":1,"cells":[%s]}\n' % b",".join(
    [b'{"kind":"novel"}'] * 5000
)
STALE = b"".join(
    b'{"type":"update","number":%d,"monotonic":%d,"cells":[{"kind":"counter","name":"a",'
    b'"value":%d}]}\n' % (number, number, number)
    for number in range(1, 1000)
)
#: What is sent without pause, and how the collector counts it.
FLOODS = {
    "lines-of-one-letter": (b"x\n" * 32768, "bad_json"),
    "empty-lines": (b"\n" * 65536, "bad_json"),
    "no-objects": (b"[]\n" * 20000, "bad_message"),
    "bad-cells": (BAD_CELLS, "bad_cell"),
    "hellos": (b'{"type":"hello","version":1,"session":"x"}\n' * 1000, "bad_message"),
    "stale-updates": (STALE, None),
    "flushes": (b'{"type":"flush"}\n' * 4096, None),
    "unknown-types": (b'{"type":"novel"}\n' * 4096, None),
}
SECONDS, FLOODERS = 1.5, 2
#: A scrape may take so long meanwhile, without what the collector waits for a core. Without defence
#: it takes two to eight seconds.
SLOWEST = 1.0


class Flooder(threading.Thread):
    """Sends the same bytes as fast as they are taken, and reads or ignores the answers."""

    def __init__(self, collector, payload, session):
        super().__init__(daemon=True)
        self._collector, self._payload, self._session = collector, payload, session
        self.stop = threading.Event()
        self.sent = 0

    def run(self):
        while not self.stop.is_set():
            # Who is cut comes back, but no more often than a process may connect: else the tests
            # that follow would be refused.
            self.stop.wait(0.1)
            with contextlib.suppress(OSError), Client(self._collector) as client:
                client.hello(session=self._session, plugin="flooder")
                threading.Thread(target=self.drain, args=(client.socket,), daemon=True).start()
                while not self.stop.is_set():
                    self.sent += client.socket.send(self._payload)

    def drain(self, sock):
        with contextlib.suppress(OSError):
            while sock.recv(65536):
                pass


@pytest.fixture(scope="module")
def victim():
    """A collector for all floods, so that what they leave behind adds up."""
    with start() as process:
        yield process


def refusals(collector, reason):
    """Return how many refusals were counted for that reason."""
    return collector.scrape().sum("waggle_collector_refusals_total", reason=reason)


@contextlib.contextmanager
def timed(collector, seconds):
    """Append how long the block takes, without what the collector waits for a core."""
    begin = time.monotonic() - collector.waited()
    yield
    seconds.append(time.monotonic() - collector.waited() - begin)


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_costs_others_nothing(victim, name):
    """Two peers flood; a neighbour is answered, scrapes are in time, memory stays."""
    payload, reason = FLOODS[name]
    before = reason and refusals(victim, reason)
    memory = resident(victim.process.pid)
    flooders = [Flooder(victim, payload, "%s-%d" % (name, i)) for i in range(FLOODERS)]
    scrapes, answers = [], []
    with Client(victim) as neighbour:
        neighbour.hello(session="neighbour-" + name, plugin=name)
        for flooder in flooders:
            flooder.start()
        end = time.monotonic() + SECONDS
        number = 0
        while time.monotonic() < end:
            number += 1
            with timed(victim, answers):
                neighbour.update(number, [{"kind": "counter", "name": "good", "value": number}])
                assert neighbour.flush(number) == [{"type": "applied", "number": number}]
            with timed(victim, scrapes):
                assert victim.value("waggle_count_total", name="good", plugin=name) == number
        for flooder in flooders:
            flooder.stop.set()
        for flooder in flooders:
            flooder.join(5)
    assert min(flooder.sent for flooder in flooders) > 0
    assert max(scrapes) < SLOWEST, sorted(scrapes)[-5:]
    assert max(answers) < SLOWEST, sorted(answers)[-5:]
    assert resident(victim.process.pid) < memory + 8 * MIB
    if reason:
        assert refusals(victim, reason) > before


def test_a_gigabyte_without_a_newline_is_one_refusal(victim):
    """Skipped as it comes, however much; the line after it is understood again."""
    memory, before = peak(victim.process.pid), refusals(victim, "too_long")
    block = b"x" * MIB
    seconds = []
    with Client(victim) as client, Client(victim) as neighbour:
        client.hello(session="a-gigabyte", plugin="gigabyte")
        neighbour.hello(session="its-neighbour", plugin="neighbour")
        for sent in range(1024):
            client.send(block)
            if sent % 64 == 0:
                with timed(victim, seconds):
                    neighbour.flush()
                    victim.scrape()
        client.send(b"\n")
        client.update(1, [{"kind": "counter", "name": "after", "value": 1}])
        assert [answer.get("code") for answer in client.flush()] == ["too_long", None]
    assert max(seconds) < SLOWEST, sorted(seconds)[-5:]
    assert peak(victim.process.pid) < memory + 8 * MIB
    assert refusals(victim, "too_long") == before + 1
    assert victim.value("waggle_count_total", name="after") == 1


def test_strangers_that_never_say_hello_take_little_memory(own_collector):
    """Before its hello a peer has 16 KiB for a line, and its process 64 connections at once.

    The collector is its own: for a while it takes few connections of this process.
    """
    memory = resident(own_collector.process.pid)
    connections = []
    for _ in range(300):
        stranger = socket.socket(socket.AF_UNIX)
        stranger.connect(own_collector.socket_path)
        stranger.setblocking(False)
        with contextlib.suppress(OSError):
            stranger.sendall(b"x" * MIB)
        connections.append(stranger)
    cut = {"outcome": "paced"}
    wait_until(lambda: own_collector.value("waggle_collector_connections_total", 0, **cut) > 100)

    def greeted():
        with contextlib.suppress(OSError, TypeError), Client(own_collector) as client:
            return client.hello(session="comes-after-them", plugin="late")["type"] == "welcome"

    wait_until(greeted)  # it is this process that connects too often
    assert resident(own_collector.process.pid) < memory + 8 * MIB
    for stranger in connections:
        stranger.close()


def test_a_peer_that_reads_no_answers_is_cut_off(victim):
    """Answers that nobody reads don't pile up: 64 KiB, then the connection is gone."""
    outcome = {"outcome": "unread"}
    before = victim.value("waggle_collector_connections_total", default=0, **outcome)
    with Client(victim) as client:
        client.hello(session="never-reads-them", plugin="deaf")
        with pytest.raises(OSError):
            while True:
                client.send(b'{"type":"flush"}\n' * 1000)
    after = victim.value("waggle_collector_connections_total", **outcome)
    assert after == before + 1
