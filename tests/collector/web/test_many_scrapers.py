"""Many scrapers at once, who share the answers."""

import contextlib
import http.client
import re
import threading
import time

import pytest

from ..harness import Client, wait_until
from ..world import timer
from .test_slow_clients import (
    GET,
    MANY,
    PROMISE,
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
    """Twenty scrapers of more than all answers together may have: each gets it whole."""
    with contextlib.ExitStack() as stack:
        for process in range(3):
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
        assert all(len(body) > 8 << 20 for _, _, body in results)
        with many(collector, GET + b"\r\n", receive_buffer=4096):
            assert scrape_seconds(collector, 3) < PROMISE * 10
        wait_until(lambda: outcomes(collector, "unread") + outcomes(collector, "crowded") == MANY)


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
