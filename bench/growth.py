"""Whether cost and memory stay in proportion: sessions, changed lines, and a hot loop."""

import os
import resource
import subprocess
import sys
import time
from typing import Any, Dict, Iterator, Sequence

from . import processes
from .raw import Session
from .scrape import get

SESSIONS, TIMERS = (1, 10, 100, 1_000), 20
CHANGED = (0.0, 0.25, 0.5, 1.0)
HOT_SECONDS = 5.0

HOT = """
import os, sys, threading, time
from waggle_live import LiveMetrics
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
with LiveMetrics(plugin_name="hot") as live:
    tick = live.counter("events").inc
    with live.timer("block"): pass
    tick(0)
    before, most, n = resident(), 0, 0
    begin = time.perf_counter()
    while time.perf_counter() - begin < float(sys.argv[1]):
        for _ in range(20000):
            tick()
        n += 20000
        most = max(most, resident())
    wall = time.perf_counter() - begin
    live.flush(5)
    print(n, wall, before, most)
"""


def sessions(counts: Sequence[int]) -> Iterator[Dict[str, Any]]:
    """Yield memory, scrape time and time to take in a change, for 1 to 1,000 sessions.

    Memory of a series is the least and the most that is resident after the scrapes, but the first,
    less the idle collector's.
    """
    for count in counts:
        with processes.ours(**processes.MEMORY) as collector:
            get(collector.ports["http"], packed=False)
            idle = collector.memory()
            path = collector.directory + "/socket"
            opened = []
            for number in range(count):
                opened.append(Session(path, number, TIMERS))
                if number % 50 == 49:
                    opened[-1].update(1)
                    opened[-1].flush()
            memory = []
            times = []
            took_in = []
            for tick in range(2, 8):
                before = collector.cpu()
                for session in opened:
                    session.update(tick)
                    session.flush()
                took_in.append((collector.cpu() - before) / count)
                times.append(get(collector.ports["http"], packed=False))
                time.sleep(0.1)  # until it has let go of the answer
                memory.append(collector.memory())
            body = min(times)[1]
            least, most = (
                round((mib - idle) * 1024 / (count * TIMERS), 2)
                for mib in (min(memory[1:]), max(memory))
            )
            yield {
                "case": "sessions",
                "subject": "%d sessions x %d timers" % (count, TIMERS),
                "sessions": count,
                "mib": round(max(memory), 1),
                "kib_a_series": least,
                "most_kib_a_series": most,
                "scrape_ms": round(min(took for took, _ in times) * 1e3, 2),
                "lines": body.count(b"\n"),
                "series": body.count(b"waggle_timer_seconds_count{"),
                "update_cpu_us": round(min(took_in) * 1e6, 1),
            }
            for session in opened:
                session.close()


def changed() -> Iterator[Dict[str, Any]]:
    """Yield the collector's CPU for a scrape in which a part of 20,000 lines has changed."""
    with processes.ours() as collector:
        path = collector.directory + "/socket"
        opened = [Session(path, number, 100) for number in range(6)]
        tick = 1
        for session in opened:
            session.update(tick)
            session.flush()
        get(collector.ports["http"], packed=False)
        for part in CHANGED:
            costs = []
            for _ in range(7):
                tick += 1
                for session in opened:
                    if part:
                        session.update(tick, int(100 * part))
                    session.flush()
                before = collector.cpu()
                get(collector.ports["http"], packed=False)
                costs.append(collector.cpu() - before)
            yield {
                "case": "changed",
                "subject": "%d %% of 600 timers changed" % (100 * part),
                "part": part,
                "scrape_cpu_ms": round(sorted(costs)[3] * 1e3, 2),
            }


def hot_loop(seconds: float) -> Iterator[Dict[str, Any]]:
    """Yield what a loop that does nothing but record does to the process, and whether all came."""
    with processes.ours() as collector:
        done = subprocess.run(
            [sys.executable, "-c", HOT, str(seconds)],
            env=dict(os.environ, WAGGLE_LIVE_METRICS="unix://%s/socket" % collector.directory),
            capture_output=True,
            text=True,
            check=True,
        )
        recorded, wall, before, most = (float(word) for word in done.stdout.split())
        _, body = get(collector.ports["http"], packed=False)
        shown = [
            float(line.rpartition(b" ")[2])
            for line in body.splitlines()
            if line.startswith(b"waggle_count_total{")
        ]
    yield {
        "case": "hot loop",
        "subject": "counter.inc() without a pause",
        "samples_per_s": round(recorded / wall),
        "recorded": int(recorded),
        "lost": int(recorded - sum(shown)),
        "grew_mib": round(most - before, 2),
    }


def run(short: bool = False) -> Iterator[Dict[str, Any]]:
    """Yield all rows."""
    # A socket for each session.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    yield from sessions(SESSIONS[:2] if short else SESSIONS)
    yield from changed()
    yield from hot_loop(1.0 if short else HOT_SECONDS)
