"""One round of one subject in a process of its own: ``python -m bench.calls.worker NAME``."""

import json
import os
import statistics
import sys
import threading
import time
from time import perf_counter_ns, process_time_ns, thread_time_ns
from typing import Any, Callable, Dict, List

from .subjects import Subject, by_name

#: Samples per measured stretch, and stretches of the floor and of the subject in turn.
STRETCH, TURNS = 2000, 15
#: Samples over which the CPU of the whole process is taken, but for so many seconds at most.
LONG, LONG_SECONDS = 2_000_000, 0.6
#: Parts that it is cut into, with the floor between.
PARTS = 20
IDLE_PAUSE, IDLE_CALLS = 0.02, 25
THREADS = 4

Run = Callable[[int], None]


def compiled(statement: str, names: Dict[str, Any]) -> Run:
    """Return a function that runs ``statement`` so many times; its names are in a closure."""
    source = "def make(%s):\n def run(n):\n  for _ in range(n):\n   %s\n return run" % (
        ", ".join(names),
        statement,
    )
    scope: Dict[str, Any] = {}
    exec(source, scope)
    run: Run = scope["make"](**names)
    return run


def empty(n: int) -> None:
    """The loop alone, which is taken off everything."""
    for _ in range(n):
        pass


def floor(n: int, clock: Callable[[], int] = perf_counter_ns) -> None:
    """The least that any timing costs: two readings of the clock and one append."""
    buffer: List[int] = []
    append = buffer.append
    for _ in range(n):
        start = clock()
        append(clock() - start)


def took(run: Run, n: int, clock: Callable[[], int] = perf_counter_ns) -> float:
    """Return nanoseconds per sample."""
    start = clock()
    run(n)
    return (clock() - start) / n


def turns(run: Run, n: int = STRETCH, count: int = TURNS) -> Dict[str, float]:
    """Return the floor and, less the empty loop, wall and CPU of this thread, each turn in one."""
    rows = []
    for _ in range(count):
        base = took(empty, n)
        unit = took(floor, n) - base
        cpu = thread_time_ns()
        wall = took(run, n) - base
        cpu = thread_time_ns() - cpu
        rows.append((unit, wall / unit, (cpu / n - base) / unit))
    units, walls, cpus = zip(*rows)
    return {
        "floor_ns": statistics.median(units),
        "wall": statistics.median(walls),
        "thread_cpu": statistics.median(cpus),
    }


def whole(run: Run, finish: Callable[[], Any], each_ns: float) -> float:
    """Return the CPU of all threads of the process per sample, its sending included, x floor.

    Floor and empty loop run in turn with it, since a machine's speed changes. Of these only this
    thread's part is taken off: what others do meanwhile belongs to the samples before.
    """
    n = max(STRETCH, min(LONG, int(LONG_SECONDS * 1e9 / each_ns)) // PARTS)
    few = n // 4
    total, base, unit = process_time_ns(), 0, 0
    for _ in range(PARTS):
        run(n)
        before = thread_time_ns()
        empty(few)
        between = thread_time_ns()
        floor(few)
        base += between - before
        unit += thread_time_ns() - between
    finish()
    total = process_time_ns() - total - base - unit
    return (total / n - base / few) / ((unit - base) / few)


def idle(run: Run) -> float:
    """Return the median of single samples after a pause, in nanoseconds."""
    times = []
    for _ in range(IDLE_CALLS):
        time.sleep(IDLE_PAUSE)
        times.append(took(run, 1))
    return statistics.median(times)


def crowd(run: Run, unit: float) -> float:
    """Return wall time per sample while four threads record, x floor of one."""
    threads = [threading.Thread(target=run, args=(STRETCH * 5,)) for _ in range(THREADS)]
    start = perf_counter_ns()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (perf_counter_ns() - start) / (THREADS * STRETCH * 5) / unit


def measure(subject: Subject) -> Dict[str, Any]:
    """Return all figures of one subject."""
    names, finish = subject.setup()
    run = compiled(subject.statement, names)
    run(STRETCH)  # warm
    result: Dict[str, Any] = {"name": subject.name, "group": subject.group, **turns(run)}
    result["idle_ns"] = idle(run)
    result["threads4"] = crowd(run, result["floor_ns"])
    result["process_cpu"] = whole(run, finish, result["wall"] * result["floor_ns"])
    return result


if __name__ == "__main__":
    print(json.dumps(measure(by_name(sys.argv[1]))), flush=True)
    os._exit(0)  # not the peers' ends: some of them wait
