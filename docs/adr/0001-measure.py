"""The figures of ADR 0001: what timing one empty block costs, by design, against the floor.

Run it as ``python docs/adr/0001-measure.py`` with waggle_live installed. Each case runs in rounds,
interleaved, in turned order every other round; what is printed is the median over the rounds of
a case's time divided by the floor's in the same round, both less the empty loop.
"""

import statistics
import sys
import threading
from contextlib import contextmanager
from time import perf_counter_ns

from waggle_live import LiveMetrics

ROUNDS, LOOPS = 41, 20_000


def empty():
    for _ in range(LOOPS):
        pass


def floor(clock=perf_counter_ns):
    buffer = []
    append = buffer.append
    for _ in range(LOOPS):
        start = clock()
        append(clock() - start)


class Shared:
    """One object per name, with its start in a slot."""

    __slots__ = ("append", "start")

    def __init__(self):
        self.append = [].append

    def __enter__(self, clock=perf_counter_ns):
        self.start = clock()
        return self

    def __exit__(self, *_, clock=perf_counter_ns):
        self.append(clock() - self.start)


class PerThread(Shared):
    """One object per name, with its starts in a stack per thread."""

    __slots__ = ("local",)

    def __init__(self):
        super().__init__()
        self.local = threading.local()

    def __enter__(self, clock=perf_counter_ns):
        try:
            stack = self.local.stack
        except AttributeError:
            stack = self.local.stack = []
        stack.append(clock())
        return self

    def __exit__(self, *_, clock=perf_counter_ns):
        self.append(clock() - self.local.stack.pop())


class PerUse(Shared):
    """A new object per use, of one class for all names."""

    __slots__ = ()

    def __init__(self, append):
        self.append = append


@contextmanager
def generated(append, clock=perf_counter_ns):
    start = clock()
    try:
        yield
    finally:
        append(clock() - start)


def int_subclass(append, clock=perf_counter_ns):
    """Return a class whose object is its own start, taken when it is made."""

    class Span(int):
        __slots__ = ()

        def __enter__(self):
            return self

        def __exit__(self, exc_type, exc, traceback):
            append(clock() - self)

    return Span


def class_per_series(append, clock=perf_counter_ns):
    """Return a class whose methods are closures over one buffer; an object per use."""

    class Span:
        __slots__ = ("start",)

        def __enter__(self):
            self.start = clock()
            return self

        def __exit__(self, exc_type, exc, traceback):
            append(clock() - self.start)

    return Span


def found_by_name(make):
    def run():
        found = {"inference": make()}
        for _ in range(LOOPS):
            with found["inference"]:
                pass

    return run


def per_use():
    appends = {"inference": [].append}
    for _ in range(LOOPS):
        with PerUse(appends["inference"]):
            pass


def context_manager():
    appends = {"inference": [].append}
    for _ in range(LOOPS):
        with generated(appends["inference"]):
            pass


def own_start():
    classes = {"inference": int_subclass([].append)}
    for _ in range(LOOPS):
        with classes["inference"](perf_counter_ns()):
            pass


def closures():
    classes = {"inference": class_per_series([].append)}
    for _ in range(LOOPS):
        with classes["inference"]():
            pass


LIVE = LiveMetrics(address="off")


def ours():
    for _ in range(LOOPS):
        with LIVE.timer("inference"):
            pass


def ours_kept():
    timer = LIVE.timer("inference")
    for _ in range(LOOPS):
        with timer:
            pass


def ours_span():
    timer = LIVE.timer("inference")
    for _ in range(LOOPS):
        timer.start().stop()


def ours_decorator():
    @LIVE.timer("inference")
    def function():
        pass

    for _ in range(LOOPS):
        function()


CASES = {
    "shared object": found_by_name(Shared),
    "stack per thread": found_by_name(PerThread),
    "object per use, one class": per_use,
    "object per use, class per series": closures,
    "int subclass": own_start,
    "generator contextmanager": context_manager,
    "ours: with live.timer(name)": ours,
    "ours: kept timer": ours_kept,
    "ours: start and stop": ours_span,
    "ours: decorator (call included)": ours_decorator,
}


def seconds(case):
    begin = perf_counter_ns()
    case()
    return (perf_counter_ns() - begin) / 1e9


def main():
    ratios = {name: [] for name in CASES}
    floors = []
    for turn in range(ROUNDS):
        base = seconds(empty)
        unit = seconds(floor) - base
        floors.append(unit / LOOPS * 1e9)
        for name in sorted(CASES, reverse=bool(turn % 2)):
            ratios[name].append((seconds(CASES[name]) - base) / unit)
    print("CPython %d.%d, floor %.0f ns" % (*sys.version_info[:2], statistics.median(floors)))
    for name, values in ratios.items():
        print("%-34s %5.1f" % (name, statistics.median(values)))


if __name__ == "__main__":
    main()
