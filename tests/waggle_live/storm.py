"""A process whose signal handler raises inside of folds, over and over.

Run by test_cells, in a process of its own: a tracer, as coverage's, wouldn't survive it.
"""

import signal
import sys
import time

from waggle_live.series.state import CounterCell, GaugeCell, RateCell, TimerCell

VALUES = {TimerCell: 7, CounterCell: 7, RateCell: 7, GaugeCell: (0, 7.0, True)}


class Interrupted(Exception):
    """Raised by the signal handler."""


def interrupt(signum, frame):
    raise Interrupted


def storm(make, seconds):
    """Record and fold under interrupts; return the final cell, the values and the interrupts."""
    cell, value = make("x"), VALUES[make]
    total = interrupted = 0
    signal.signal(signal.SIGALRM, interrupt)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for _ in range(20):
            cell.append(value)
        total += 20
        try:
            signal.setitimer(signal.ITIMER_REAL, 1e-6 + (total % 600) * 2e-8)
            while True:
                cell.fold()
        except Interrupted:
            interrupted += 1
    found = cell.take()
    assert found is not None, "an interrupt left the lock taken"
    return found, total, interrupted


if __name__ == "__main__":
    for kind in VALUES:
        final, count, interrupts = storm(kind, float(sys.argv[1]))
        sums = final.get("sum", final.get("value", 7 * final.get("count", 0)))
        assert final.get("count", count) == count, (kind, final, count)
        assert sums == 7 * count, (kind, final, count)
        print(kind.__name__, interrupts)
