"""A process whose signal handler raises inside of folds, over and over.

Run by test_state, in a process of its own: a tracer, as coverage's, wouldn't survive it.
"""

import json
import signal
import sys
import time

from waggle_live.series.counter import CounterState
from waggle_live.series.gauge import GaugeState
from waggle_live.series.rate import RateState
from waggle_live.series.timer import TimerState

VALUES = {TimerState: 7, CounterState: 7, RateState: 7, GaugeState: (0, 7.0, True)}


class Interrupted(Exception):
    """Raised by the signal handler."""


def interrupt(signum, frame):
    raise Interrupted


def storm(make, seconds):
    """Record and fold under interrupts; return the final state, the values and the interrupts."""
    state, value = make("x"), VALUES[make]
    total = interrupted = 0
    signal.signal(signal.SIGALRM, interrupt)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for _ in range(20):
            state.append(value)
        total += 20
        try:
            signal.setitimer(signal.ITIMER_REAL, 1e-6 + (total % 600) * 2e-8)
            while True:
                state.fold()
        except Interrupted:
            interrupted += 1
    found = state.take()
    assert found is not None, "an interrupt left the state claimed"
    return json.loads(found), total, interrupted


if __name__ == "__main__":
    for kind in VALUES:
        final, count, interrupts = storm(kind, float(sys.argv[1]))
        sums = final.get("sum", final.get("value", 7 * final.get("count", 0)))
        assert final.get("count", count) == count, (kind, final, count)
        assert sums == 7 * count, (kind, final, count)
        print(kind.__name__, interrupts)
