"""Slow, silent and hostile HTTP clients beside a scraper that wants its answer."""

import contextlib
import os
import re
import socket
import time

import pytest

from ..harness import Client, start, wait_until
from ..world import timer

MANY = 200
#: The promise: a scrape answers within a second, whatever others do.
PROMISE = 1.0
#: What 200 clients of each sort may cost together, in bytes of memory.
MEMORY = 32 << 20
SERIES = 400
#: A request, an answer and a plugin's hello may each take so many seconds here, not ten.
SECONDS = 3.0
LIMITS = (
    f"Limits(hello_seconds={SECONDS}, process_pace=(1000, 1), "
    f"http=HttpLimits(request_seconds={SECONDS}, answer_seconds={SECONDS}))"
)
TIMEOUT = "X-Prometheus-Scrape-Timeout-Seconds"


@contextlib.contextmanager
def megabyte(limits):
    """Start a collector whose /metrics is about a megabyte."""
    with start(limits=limits) as running, Client(running) as client:
        client.hello(plugin="plugin")
        for first in range(0, SERIES, 100):
            cells = [
                timer(f"timer_{number}", dict.fromkeys(range(0, 80, 8), 1), 12345)
                for number in range(first, first + 100)
            ]
            client.update(1 + first, cells)
        client.flush()
        yield running


@pytest.fixture()
def collector():
    with megabyte(LIMITS) as running:
        yield running


def address(collector):
    """Return host and port of HTTP."""
    host, _, port = collector.url.rpartition("/")[2].rpartition(":")
    return host, int(port)


@contextlib.contextmanager
def many(collector, say=b"", count=MANY, receive_buffer=None, host="127.0.0.1"):
    """Open HTTP connections that say something and then nothing more."""
    clients = []
    try:
        for _ in range(count):
            client = socket.socket()
            clients.append(client)
            if receive_buffer is not None:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            client.settimeout(60)
            client.bind((host, 0))
            client.connect(address(collector))
            with contextlib.suppress(ConnectionError):  # it may be closed already
                client.sendall(say)
        yield clients
    finally:
        for client in clients:
            client.close()


def memory(collector, what="VmRSS"):
    """Return the resident memory of the collector in bytes."""
    with open(f"/proc/{collector.process.pid}/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith(what))


def scrape_seconds(collector, count=20):
    """Return the longest of some scrapes, without what the collector waited for a core."""
    took = []
    for _ in range(count):
        begin, waited = time.monotonic(), collector.waited()
        status, _, body = collector.get("/metrics")
        took.append(time.monotonic() - begin - (collector.waited() - waited))
        assert status == 200
        assert body.count(b"waggle_timer_seconds_count") >= SERIES
    return max(took)


def outcomes(collector, *names):
    """Return how many HTTP connections had one of these ends."""
    # Not by the parser: it takes seconds for a megabyte where coverage is measured.
    line = rb'^waggle_collector_http_connections_total{outcome="(.+)"} (.+)$'
    found = dict(re.findall(line, collector.get("/metrics")[2], re.MULTILINE))
    return sum(float(found[name.encode()]) for name in names)


def closed(clients):
    """Return how many of the connections the collector has closed."""
    count = 0
    for client in clients:
        client.setblocking(False)
        try:
            while True:
                if not client.recv(1 << 20):
                    count += 1
                    break
        except BlockingIOError:
            pass
        except ConnectionError:
            count += 1
    return count


GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n"
PIPELINE = (GET + b"\r\n") * 20_000


@pytest.mark.alone
def test_a_scrape_is_answered_beside_six_hundred_slow_clients(collector):
    """200 half requests, 200 that read nothing, 200 half-open plugin sockets, all at once."""
    scrape_seconds(collector)
    before = memory(collector)
    halves = many(collector, GET)
    deaf = many(collector, GET + b"\r\n", receive_buffer=4096)
    with halves as half, deaf, contextlib.ExitStack() as stack:
        for _ in range(MANY):
            stack.enter_context(Client(collector))
        worst = scrape_seconds(collector)
        grown = memory(collector, "VmHWM") - before
        print(f"worst scrape {worst * 1000:.0f} ms, memory +{grown >> 20} MiB")
        assert worst < PROMISE
        assert grown < MEMORY
        # When their time is over, they are gone.
        wait_until(lambda: closed(half) == MANY, seconds=60)
        cut = "slow", "unread", "crowded"
        wait_until(lambda: outcomes(collector, *cut) >= 2 * MANY, seconds=60)
        connections = "waggle_collector_connections_total"
        silent = wait_until(
            lambda: (
                sum(
                    collector.value(connections, 0, outcome=outcome)
                    for outcome in ("silent", "crowded")
                )
                >= MANY
            ),
            seconds=60,
        )
        assert silent
    assert scrape_seconds(collector) < PROMISE


@pytest.mark.alone
def test_more_connections_than_there_is_room_for_make_room(collector):
    """Those of the address with the most; a scraper is answered, there and elsewhere."""
    for host in ("127.0.0.2", "127.0.0.1"):
        with many(collector, GET + b"a: b\r\n" * 100, count=2000, host=host) as clients:
            assert scrape_seconds(collector) < PROMISE
            assert outcomes(collector, "crowded") >= 100
            assert closed(clients) >= 100
            crowded = {"reason": "crowded", "principal": f"address:{host}"}
            assert collector.value("waggle_collector_refusals_total", **crowded)


@pytest.mark.alone
def test_strangers_with_long_headers_stay_within_the_budget(collector):
    """300 requests of 63 kB that never end, in the shortest headers; a scraper is answered."""
    before = memory(collector)
    with many(collector, GET + b"a: b\r\n" * 10_500, count=300, host="127.0.0.2"):
        assert scrape_seconds(collector) < PROMISE
        print(f"memory +{(memory(collector, 'VmHWM') - before) >> 20} MiB")


def test_a_request_that_trickles_is_cut_all_the_same(collector):
    """A byte now and then doesn't buy time."""
    begin = time.monotonic()
    with many(collector, GET, count=1) as (client,):
        with pytest.raises(OSError):
            while time.monotonic() - begin < 60:
                client.sendall(b"X")
                time.sleep(0.2)
        assert time.monotonic() - begin > SECONDS - 1
    assert outcomes(collector, "slow") == 1


@pytest.mark.alone
@pytest.mark.parametrize(
    "flood",
    [
        GET + b"X: " + b"x" * 60_000,
        b"".join(GET + b"X-%d: %s\r\n" % (number, b"x" * 8000) for number in range(9)),
        b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 80_000,
        PIPELINE,
        b"\0" * 100_000,
    ],
    ids=["line", "headers", "body", "pipeline", "nonsense"],
)
def test_floods_cost_the_flooder_its_connection(collector, flood):
    """Endless lines, headers, bodies, requests without reading, no HTTP at all."""
    scrape_seconds(collector)
    before = memory(collector)
    clients = []
    for _ in range(20):
        client = socket.create_connection(address(collector), timeout=5)
        clients.append(client)
        with contextlib.suppress(OSError):
            client.sendall(flood)
    assert scrape_seconds(collector) < PROMISE
    assert memory(collector, "VmHWM") - before < MEMORY
    if flood == PIPELINE:
        # Who reads is served, so nothing is read until those that read nothing must be cut.
        time.sleep(SECONDS + 2)
    wait_until(lambda: closed(clients) == len(clients), seconds=60)
    for client in clients:
        client.close()


def ask(collector, seconds, path="/metrics"):
    """Return the status of a request with a scrape timeout."""
    return collector.get(path, {TIMEOUT: str(seconds)}, timeout=60)[0]


def test_an_answer_that_comes_too_late_is_cut_and_counted(collector):
    """By the scraper's own header, with 503; a scraper that has time gets it."""
    assert ask(collector, "0.000001") == 503
    assert collector.value("waggle_collector_http_refusals_total", reason="late") == 1
    for seconds in ("10", "9.5", "1e9", "inf", "nan", "-1", "0", "soon", ""):
        assert ask(collector, seconds) == 200


def test_an_answer_that_is_not_read_in_time_is_cut():
    """After the scrape timeout and not after the time of those that say nothing."""
    say = GET + TIMEOUT.encode() + b": 2\r\n\r\n"
    patient = "Limits(http=HttpLimits(answer_seconds=60.0))"
    with megabyte(patient) as collector, many(collector, say, count=5, receive_buffer=4096):
        wait_until(lambda: outcomes(collector, "unread") == 5)
        assert collector.value("waggle_collector_http_refusals_total", reason="late") == 5


def test_descriptors_come_back(collector):
    """Whatever connections were cut, answered or left leaves none behind."""
    folder = f"/proc/{collector.process.pid}/fd"
    scrape_seconds(collector)
    before = len(os.listdir(folder))
    with many(collector, GET), many(collector, GET + b"\r\n"):
        pass
    wait_until(lambda: len(os.listdir(folder)) <= before + 2)
