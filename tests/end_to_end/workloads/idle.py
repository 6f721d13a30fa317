"""A plugin that records for so many seconds and tells how long it was kept from its own work.

Argument: seconds.
Prints: the 99th percentile of an empty timed block, in microseconds, and how many there were; the
seconds that opening took, and those from its last statement to the end of all exit functions.
"""

import atexit
import sys
import time

seconds = float(sys.argv[1])
# Registered before those of waggle_live, so the last of them to run.
atexit.register(lambda: print(time.perf_counter() - done))

from waggle_live import LiveMetrics  # noqa: E402

begin = time.perf_counter()
with LiveMetrics() as live:
    opening = time.perf_counter() - begin
    took = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for _ in range(1000):  # few of them are the first after a pause, in cold caches
            start = time.perf_counter()
            with live.timer("block"):
                pass
            took.append(time.perf_counter() - start)
        time.sleep(0.001)
    live.counter("finished").inc()
    print(sorted(took)[int(len(took) * 0.99)] * 1e6, len(took), opening)
    done = time.perf_counter()
