"""What each instrument costs the plugin, as ratios.

Each is compared with a yardstick in the same process: a bare ``with`` block that reads
the clock twice and appends, written here and never changed. Stretches of both alternate, and the
shortest of many counts, since a busy machine can only make a stretch longer. So neither the
machine nor how its Python was built matters much.
"""

from itertools import repeat
from time import perf_counter_ns
from typing import Any, Dict, List

from waggle_live import LiveMetrics

from ..calls.worker import Run, compiled, empty, took

STRETCH, TURNS = 1000, 120

#: What each may cost, as a multiple of the yardstick: what it costs on the interpreter (CPython
#: 3.11 to 3.13, built with and without PGO) that it is dearest on, and a sixth more.
LIMITS = {
    "with live.timer('x'): pass": 1.65,
    "with kept: pass": 1.15,
    "with live.timer('x', model='a'): pass": 3.25,
    "decorated(1)": 1.05,
    "kept.start().stop()": 1.05,
    "counter.inc()": 0.48,
    "rate.tick()": 0.49,
    "gauge.set(1.5)": 0.61,
    "knob.value": 0.15,
    "next(each)": 0.66,
    "next(paced)": 0.75,
}


def yardstick() -> Run:
    """Return a run of the simplest block that is right for threads, recursion and tasks."""
    buffer: List[int] = []
    append = buffer.append
    clock = perf_counter_ns

    class Block:
        __slots__ = ("start",)
        start: int

        def __enter__(self) -> "Block":
            self.start = clock()
            return self

        def __exit__(self, exc_type: Any, exc: Any, traceback: Any) -> None:
            append(clock() - self.start)

    return compiled("with blocks['x'](): pass", {"blocks": {"x": Block}})


def ratios() -> Dict[str, float]:
    """Return the shortest stretch of each statement over the shortest of the yardstick."""
    live = LiveMetrics(address="off")

    @live.timer("decorated")
    def decorated(argument: Any = None) -> None:
        pass

    names = {
        "live": live,
        "kept": live.timer("kept"),
        "decorated": decorated,
        "counter": live.counter("events"),
        "rate": live.rate("ticks"),
        "gauge": live.gauge("level"),
        "knob": live.knob("resolution", 720, choices=[360, 720]),
        "each": live.rate("each").each(repeat(None)),
        "paced": live.pace("paced", repeat(None)),
    }
    runs = {statement: compiled(statement, names) for statement in LIMITS}
    runs["yardstick"], runs["empty"] = yardstick(), empty
    times: Dict[str, List[float]] = {name: [] for name in runs}
    for turn in range(TURNS):
        for name in sorted(runs, reverse=bool(turn % 2)):
            times[name].append(took(runs[name], STRETCH))
    best = {name: min(values) for name, values in times.items()}
    unit = best["yardstick"] - best["empty"]
    return {name: (best[name] - best["empty"]) / unit for name in LIMITS}
