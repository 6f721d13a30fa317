"""Sets a gauge to the time at which it is set, at odd moments, until standard input ends."""

import random
import select
import sys
import time

from waggle_live import LiveMetrics

with LiveMetrics() as live:
    stamp = live.gauge("stamp")
    random.seed(1)
    while not select.select([sys.stdin], [], [], random.uniform(0.5, 0.8))[0]:
        stamp.set(time.monotonic())
