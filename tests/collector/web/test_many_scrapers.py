"""Many scrapers at once, who share the answers."""

import contextlib
import http.client
import re
import resource
import socket
import threading
import time

import pytest

from ..harness import Client, start, wait_until
from ..world import timer
from .test_slow_clients import (
    GET,
    MANY,
    PROMISE,
    SECONDS,
    TIMEOUT,
    address,
    collector,
    many,
    outcomes,
    scrape_seconds,
)

__all__ = ["collector"]  # a fixture, found by its name


@pytest.mark.alone
def test_fifty_scrapers_at_once_cost_a_few_renderings(collector):
    """They share what is made after they asked; each has the whole."""
    name = "waggle_collector_scrape_seconds_count"
    before = collector.value(name)
    connections = [http.client.HTTPConnection(*address(collector), timeout=60) for _ in range(50)]
    lengths, took = [], []
    ready = threading.Barrier(len(connections))

    def scrape(connection):
        connection.connect()
        ready.wait()
        begin = time.monotonic()
        connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        lengths.append(len(answer.read()))
        took.append(time.monotonic() - begin)
        assert answer.status == 200

    threads = [threading.Thread(target=scrape, args=(c,)) for c in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for connection in connections:
        connection.close()
    renderings = collector.value(name) - before - 1
    print(f"{renderings:.0f} renderings, slowest {max(took) * 1000:.0f} ms")
    assert len(lengths) == 50
    assert min(lengths) > 1000
    assert renderings < 50
    assert max(took) < PROMISE * 10


@pytest.mark.alone
def test_who_reads_is_never_cut_for_the_size_of_an_answer(collector):
    """Twenty scrapers of 7 MB: each gets it whole, and one beside 200 that read nothing."""
    with contextlib.ExitStack() as stack:
        for process in range(2):
            client = stack.enter_context(Client(collector))
            client.hello(process=f"large-{process:04}", plugin=f"large-{process}")
            for first in range(0, 1000, 100):
                cells = [timer(f"t{number}", {0: 1}, 1) for number in range(first, first + 100)]
                client.update(1 + first, cells)
            client.flush()
        results = []
        threads = [
            threading.Thread(target=lambda: results.append(collector.get("/metrics", timeout=60)))
            for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(results) == 20
        assert {status for status, _, _ in results} == {200}
        assert all(len(body) > 6 << 20 for _, _, body in results)
        with many(collector, GET + b"\r\n", receive_buffer=4096):
            assert scrape_seconds(collector, 3) < PROMISE * 10
            # Those that were answered too late are left to idle.
            late = re.search(
                rb'refusals_total{reason="late"} (.+)', collector.get("/metrics")[2]
            ).group(1)
            wait_until(lambda: outcomes(collector, "unread", "crowded") >= MANY - float(late))


def test_a_slow_scraper_that_reads_is_served_beside_others(collector):
    """For as long as it says that it waits, however many newer answers are made meanwhile."""
    with socket.create_connection(address(collector), timeout=30) as slow:
        slow.sendall(GET + TIMEOUT.encode() + b": 30\r\nConnection: close\r\n\r\n")
        begin, read = time.monotonic(), b""
        for piece in iter(lambda: slow.recv(1 << 14), b""):
            read += piece
            if time.monotonic() - begin < SECONDS + 1:
                time.sleep(0.1)
                assert collector.get("/metrics", {"Accept-Encoding": "gzip"})[0] == 200
    head, _, body = read.partition(b"\r\n\r\n")
    assert len(body) == int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
    assert time.monotonic() - begin > SECONDS


def test_what_was_flushed_is_in_an_answer_asked_for_after(collector):
    """Sharing never shows what was before the question."""
    stop = threading.Event()

    def keep_asking():
        while not stop.is_set():
            collector.get("/metrics", {"Accept-Encoding": "gzip"})

    threads = [threading.Thread(target=keep_asking) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        with Client(collector) as client:
            client.hello("fresh-session", plugin="fresh")
            for number in range(1, 30):
                client.update(number, [{"kind": "counter", "name": "a", "value": number}])
                client.flush()
                text = collector.get("/metrics")[2].decode()
                (line,) = re.findall('waggle_count_total{name="a".*plugin="fresh".*', text)
                assert float(line.split()[-1]) == number
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_with_hardly_a_descriptor_a_scraper_is_answered_beside_an_idle_one():
    """As a probe that keeps its connection; `ulimit -n 20` is room for both."""

    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))

    with start(process={"preexec_fn": limit}) as collector:
        idle = http.client.HTTPConnection(*address(collector), timeout=60)
        with contextlib.closing(idle):
            for _ in range(5):
                idle.request("GET", "/-/healthy")
                assert idle.getresponse().read() == b"healthy\n"
                assert collector.get("/metrics")[0] == 200
