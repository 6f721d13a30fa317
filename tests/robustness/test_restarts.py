"""Processes that come and go by the thousand leave no more behind than their sums."""

import contextlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.collector.harness import wait_until
from waggle_live.wire.protocol import encode

from .processes import MIB, descriptors, resident, threads

CUMULATIVE = ("_total", "_count", "_sum", "_bucket")
#: Scrapes are compared by their fastest of several, and machines are noisy.
FLAT = 2.0


def live_once(path, session, bye=True, **hello):
    """One short process: hello, one update, bye; returns when the collector has it."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as sock:
        sock.settimeout(30)
        sock.connect(path)
        cells = [
            {"kind": "counter", "name": "runs", "value": 1, "labels": {"of": "it"}},
            {"kind": "timer", "name": "run", "count": 1, "sum": 9, "last": 9, "buckets": [[-9, 1]]},
            {"kind": "rate", "name": "fps", "count": 3, "last": 5},
            {"kind": "gauge", "name": "cars", "value": 2},
            {"kind": "messages", "name": "env.cars", "value": 1},
        ]
        process = {"cpu_seconds": 0.1, "memory_bytes": MIB}
        question = {"type": "bye", "number": 1} if bye else {"type": "flush", "number": 1}
        hello = {"type": "hello", "version": 1, "session": session, "key": session, **hello}
        update = {"type": "update", "number": 1, "monotonic": 1.0, "cells": cells}
        sock.sendall(encode(hello) + encode({**update, "process": process}) + encode(question))
        answers = b""
        while b'"applied"' not in answers:
            data = sock.recv(65536)
            assert data, answers
            answers += data


def samples(scrape):
    """Return the plugins' samples of a scrape: their names and labels, and values."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in scrape
        for sample in family.samples
        if sample.name.startswith("waggle_") and not sample.name.startswith("waggle_collector_")
    }


def test_500_restarts_under_new_pod_uids_make_no_new_series(own_collector):
    """But for the pod's uid in waggle_plugin_info, of which there stays one; counters rise."""
    path, identity = own_collector.socket_path, {"plugin": "cron", "task": "hourly"}

    def restart(number):
        uid = "pod-%d" % number
        live_once(path, "restart-%06d" % number, app_id=uid, plugin_version=uid, **identity)

    def names(found):
        return {key for key in found if key[0] != "waggle_plugin_info"}

    restart(0)
    first = before = samples(own_collector.scrape())
    for start in range(1, 500, 50):
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(restart, range(start, min(start + 50, 500))))
        now = samples(own_collector.scrape())
        assert names(now) == names(first)
        assert len([key for key in now if key[0] == "waggle_plugin_info"]) == 1
        for key, value in now.items():
            if key[0].endswith(CUMULATIVE):
                assert value >= before[key], key
        before = now
    scrape = own_collector.scrape()
    assert scrape.value("waggle_count_total", plugin="cron") == 500
    assert scrape.value("waggle_timer_seconds_count", plugin="cron") == 500
    assert scrape.value("waggle_plugin_exits_total", plugin="cron", status="ok") == 500


def fastest_scrapes(*collectors):
    """Return the seconds of the fastest of many scrapes of each, in turn, over a second."""
    took = []
    for _ in range(30):
        for collector in collectors:
            begin = time.perf_counter()
            assert collector.get("/metrics")[0] == 200
            took.append(time.perf_counter() - begin)
        time.sleep(0.03)  # else a tenth of a second of other work would decide
    return [min(took[number :: len(collectors)]) for number in range(len(collectors))]


@pytest.mark.alone
@pytest.mark.parametrize("bye", [True, False], ids=["with-bye", "without-a-word"])
def test_10_000_short_processes_leave_scrapes_as_fast_and_memory_bounded(make_collector, bye):
    """Ended sessions are folded; those that left without a word too, when there are many."""
    # The machine may be twice as slow a few seconds later: what is compared is scraped in turn.
    collector, other = make_collector(), make_collector()
    pid, number = collector.process.pid, 10_000 if bye else 6_000
    # After so many its memory stays; what it remembers is full before.
    settled = 7_500 if bye else 3_500

    # Without a word 2,000 are held, and looked at by each scrape.
    few = 1 if bye else 2_500

    def live(index, where=collector):
        live_once(where.socket_path, "short-%06d" % index, bye=bye, plugin="short")

    with ThreadPoolExecutor(40) as pool:
        list(pool.map(live, range(few), [other] * few))
        list(pool.map(live, range(settled)))
        memory = resident(pid)
        open_before, running = descriptors(pid), threads(pid)
        list(pool.map(live, range(settled, number)))
    after_many, after_few = fastest_scrapes(collector, other)
    assert after_many < FLAT * after_few
    assert resident(pid) < memory + 10 * MIB
    scrape = collector.scrape()
    assert scrape.value("waggle_count_total", plugin="short") == number
    ended = scrape.sum("waggle_collector_sessions")
    assert ended <= 2000 + 2000 + 1000
    wait_until(lambda: descriptors(pid) <= open_before + 2)
    assert threads(pid) <= running
