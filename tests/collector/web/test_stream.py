"""The stream of server-sent events, as curl, slow readers and a stopping collector meet it."""

import contextlib
import json
import re
import socket
import time
import zlib

import pytest

from ..harness import Client, start, wait_until
from ..world import counter, gauge, timer
from .test_config_served import ALICE, TLS, USERS, Served, authority
from .test_slow_clients import address, memory

__all__ = ["authority"]  # a fixture, found by its name

MANY = 32
GZIP = b"Accept-Encoding: gzip\r\n"


class Listener:
    """One connection that has asked for the stream."""

    def __init__(self, collector, more=b"", receive_buffer=None):
        self.socket = socket.socket()
        self.socket.settimeout(30)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(address(collector))
        self.socket.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\n%b\r\n" % more)
        self._file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()
        self.socket.close()

    def head(self):
        """Return the status and the headers."""
        lines = []
        while not lines or lines[-1].strip():
            lines.append(self._file.readline().decode())
        return int(lines[0].split()[1]), "".join(lines)

    def chunks(self):
        """Yield the bytes as they come, until the other side ends them."""
        while True:
            size = int(self._file.readline() or b"0", 16)
            if not size:
                return
            yield self._file.read(size)
            self._file.readline()

    def events(self):
        """Yield what the events say, from a stream of either form."""
        _, head = self.head()
        packed = "Content-Encoding: gzip" in head
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
        text = b""
        for chunk in self.chunks():
            text += unpacker.decompress(chunk) if packed else chunk
            while b"\n\n" in text:
                event, _, text = text.partition(b"\n\n")
                if event.startswith(b"data: "):
                    yield json.loads(event[6:])


@pytest.fixture(scope="module")
def collector():
    with start() as running:
        yield running


def listeners(collector):
    return collector.value("waggle_collector_http_listeners")


def test_each_event_is_what_the_api_says(collector):
    """About once a second, the newest state; the same to who takes gzip and who doesn't."""
    with Client(collector) as client:
        client.hello()
        client.update(1, [counter("a", 1), timer("t", {0: 1})])
        client.flush()
        with Listener(collector) as plain, Listener(collector, GZIP) as packed:
            begin = time.monotonic()
            streams = plain.events(), packed.events()
            assert [next(s)["plugins"][0]["counters"][0]["total"] for s in streams] == [1, 1]
            client.update(2, [counter("a", 2)])
            client.flush()
            for stream in streams:
                newest = next(
                    event for event in stream if event["plugins"][0]["counters"][0]["total"] == 2
                )
                asked = json.loads(collector.get("/api/v1/plugins")[2])
                assert newest.keys() == asked.keys()
                assert newest["plugins"][0].keys() == asked["plugins"][0].keys()
            assert listeners(collector) == 2
            for _ in range(3):
                next(streams[0])
            assert time.monotonic() - begin > 2
    wait_until(lambda: listeners(collector) == 0)
    assert collector.value("waggle_collector_http_refusals_total", reason="budget") == 0


def test_nothing_is_made_when_nobody_listens(collector):
    """After the last one left, the collector renders for scrapes alone."""
    with Listener(collector) as listener:
        next(listener.events())
    wait_until(lambda: listeners(collector) == 0)

    def seconds_of_cpu():
        with open(f"/proc/{collector.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    before = seconds_of_cpu()
    time.sleep(3)
    assert seconds_of_cpu() - before < 0.15


def test_there_is_no_count_of_listeners(collector):
    """Each is sent the same event; answers to others go on."""
    with contextlib.ExitStack() as stack:
        many = [stack.enter_context(Listener(collector)) for _ in range(2 * MANY)]
        for listener in many:
            assert next(listener.events())["node"] is not None
        assert listeners(collector) == 2 * MANY
        assert collector.get("/api/v1/plugins")[0] == 200
    wait_until(lambda: listeners(collector) == 0)


@pytest.mark.alone
def test_a_listener_that_never_reads_is_cut_and_costs_no_memory():
    """Nothing is kept for it; who reads goes on, past all that bounds other answers."""
    limits = "Limits(http=HttpLimits(answer_seconds=3.0))"
    with contextlib.ExitStack() as stack:
        collector = stack.enter_context(start(limits=limits))
        client = stack.enter_context(Client(collector))
        client.hello()
        for first in range(0, 900, 100):
            names = [f"timer_{number}" for number in range(first, first + 100)]
            client.update(1 + first, [timer(name, {0: 1}, 12345) for name in names])
        client.flush()
        impatient = b"X-Prometheus-Scrape-Timeout-Seconds: 0.5\r\n"
        good = stack.enter_context(Listener(collector, impatient))
        events = good.events()
        next(events)
        before = memory(collector)
        for _ in range(MANY - 1):
            stack.enter_context(Listener(collector, receive_buffer=4096))
        wait_until(lambda: listeners(collector) == MANY)
        cut = 0.0
        while cut < MANY - 1:
            assert len(next(events)["plugins"][0]["timers"]) == 900
            cut = collector.value("waggle_collector_http_connections_total", outcome="unread")
        assert listeners(collector) == 1
        assert memory(collector, "VmHWM") - before < 16 << 20


def test_it_ends_with_the_collector_and_holds_up_nothing():
    """SIGTERM: listeners see a proper end, and the process is gone at once."""
    with start() as collector, Client(collector) as client:
        client.hello()
        client.update(1, [gauge("g", 1)])
        client.flush()
        with Listener(collector) as listener:
            events = listener.events()
            next(events)
            begin = time.monotonic()
            assert collector.terminate() == 0
            assert time.monotonic() - begin < 5
            assert len(list(events)) < 3  # and then the chunk that is the last one
        assert "Unclosed" not in collector.log() and "Traceback" not in collector.log()


def test_before_the_answers_are_whole_it_says_503():
    """As the API does, with the reason."""
    with start(state_file=None, wait_ready=False) as collector:
        status, _, body = collector.get("/api/v1/stream")
        assert status == 503
        assert b"waiting for processes" in body


def test_it_asks_for_tls_and_a_password_and_ends_when_they_change(tmp_path, authority):
    """Whoever is taken out of the file sees nothing more on a stream that stands."""
    with Served(tmp_path, TLS % "" + USERS) as served:
        wait_until(lambda: served.status(*ALICE, path="/-/ready") == 200)
        path = "/api/v1/stream"
        assert served.status(path=path) == 401
        code, status, head, body = served.ask(*ALICE, "--max-time", "2.5", path=path)
        assert (code, status) == (28, 200)  # 28: curl's own time was over
        assert body.count("data: {") >= 2
        assert re.search("^content-type: text/event-stream", head, re.IGNORECASE | re.MULTILINE)
        served.write(TLS % "" + USERS.replace("alice", "bob"))
        assert served.status(*ALICE, path=path) == 401


def test_who_is_taken_out_hears_no_more(tmp_path):
    """A stream ends with the configuration that admitted it."""
    with Served(tmp_path, USERS) as served:
        wait_until(lambda: served.status(*ALICE, path="/-/ready", scheme="http") == 200)
        admitted = b"Authorization: Basic YWxpY2U6c2VjcmV0\r\n"
        with Listener(served.collector, admitted) as listener:
            events = listener.events()
            next(events)
            served.write(USERS.replace("alice", "bob"))
            assert len(list(events)) < 3
