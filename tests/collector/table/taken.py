"""Measures what a table takes: ``python -m tests.collector.table.taken KIND SERIES PROCESSES``.

Prints the bytes that stand in memory for it, and what the budget says that it holds.
"""

import ctypes
import gc
import sys
import tempfile
from pathlib import Path

from tests.collector.world import World, counter, function, gauge, rate, timer
from waggle_live_collector import memory
from waggle_live_collector.limits import Limits

OF_A_LINE = 100
LONG = {f"label{number}": "x" * 60 for number in range(12)}
EMOJI = {f"label{number}": "x" * 60 + "\N{HONEYBEE}" for number in range(12)}
CELLS = {
    "counter": lambda name, at: counter(name, 1.5 * at, camera="left"),
    "labels": lambda name, at: counter(name, 1.5 * at, **LONG),
    "emoji": lambda name, at: counter(name, 1.5 * at, **EMOJI),
    "gauge": lambda name, at: gauge(name, 1.5 * at, camera="left"),
    "rate": lambda name, at: rate(name, 10 * at, sum=1000 * at, last=5),
    "timer": lambda name, at: timer(name, dict.fromkeys(range(-15, 15), 300 * at), at, last=5),
    "wide": lambda name, at: timer(name, dict.fromkeys(range(-240, 160), at), at),
    "huge": lambda name, at: timer(name, dict.fromkeys(range(-15, 15), at << 33), at),
    "function": lambda name, at: function(name + ": " + "f" * 50, at, 100 * at, 100 * at),
    "messages": lambda name, at: {"kind": "messages", "name": name, "value": at},
    "overflow": lambda name, at: [
        counter("__overflow__", at),
        gauge("__overflow__", at),
        rate("__overflow__", at),
        timer("__overflow__", dict.fromkeys(range(20), at)),
        {"kind": "uploads", "value": at},
        {"kind": "problem", "name": "series_limit", "value": at},
        {"kind": "tau", "dropped": at},
        *[
            function(name, at, at, at, profiler)
            for name in ("__other__", "__idle__")
            for profiler in ("tau", "sampler")
        ],
    ],
}


def taken():
    """Return the bytes that stand in memory, without what is free in the allocator."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return memory.taken()


def main(kind, series, processes):
    """Fill a table for as long as a window lasts, show and save it, and print what it takes."""
    bounds = Limits(series_per_process=10**6, processes=10**6)
    world = World(memory=1 << 40, limits=bounds)
    with tempfile.TemporaryDirectory() as directory:
        state = world.state_file(Path(directory, "state"))

        def show():
            world.text()
            world.protobuf()
            world.json()
            state.save()

        world.peer("session-warm", plugin="warm").update(1, timer("t", {0: 1}), counter("c", 1))
        show()
        before, held = taken(), world.budget.root.total
        peers = [
            world.peer(f"session-{number}", plugin=f"plugin-{number}", task="task", pid=number + 1)
            for number in range(processes)
        ]
        for at in range(1, 13):
            for peer in peers:
                for first in range(0, series, OF_A_LINE):
                    names = [f"{kind}{first + each}" for each in range(min(series, OF_A_LINE))]
                    cells = [CELLS[kind](name, at) for name in names]
                    cells = cells[0] if kind == "overflow" else cells
                    assert peer.update(1000 * at + first, *cells, monotonic=at) == []
            world.time.pass_(1)
            if at in (6, 11):
                show()
        print(taken() - before, world.budget.root.total - held)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
