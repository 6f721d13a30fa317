"""Sets gauges to the time at which each is set, at odd moments, until standard input ends.

Argument: how many; each is set anew after 0.5 to 0.8 seconds.
"""

import random
import select
import sys
import time

from waggle_live import LiveMetrics

with LiveMetrics() as live:
    stamps = [live.gauge("stamp", number=str(number)) for number in range(int(sys.argv[1]))]
    random.seed(1)
    due = {stamp: time.monotonic() + random.uniform(0.5, 0.8) for stamp in stamps}
    while True:
        stamp = min(stamps, key=due.__getitem__)
        if select.select([sys.stdin], [], [], max(0.0, due[stamp] - time.monotonic()))[0]:
            break
        stamp.set(time.monotonic())
        due[stamp] = time.monotonic() + random.uniform(0.5, 0.8)
