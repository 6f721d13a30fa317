"""A plugin that ticks 50 times a second, with a timed block of 10 ms each; prints how often."""

import select
import sys

from waggle_live import LiveMetrics


def pause(seconds: float) -> bool:
    """Wait; true once standard input has ended. (time.sleep fails under libfaketime.)"""
    return bool(select.select([sys.stdin], [], [], seconds)[0])


with LiveMetrics() as live:
    ticks, count = live.rate("ticks"), 0
    while not pause(0.0097):
        count += 1
        ticks.tick()
        with live.timer("block"):
            select.select([], [], [], 0.01)
    print(count)
