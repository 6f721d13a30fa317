"""A plugin that records for so many seconds and tells how long one timed block took.

Arguments: seconds; "off" to run without any metrics, as the measure for the others.
Prints: the 99th percentile of an empty timed block, in microseconds, and how many there were.
"""

import sys
import time

seconds = float(sys.argv[1])
if sys.argv[2:] == ["off"]:
    time.sleep(seconds)
    sys.exit()

from waggle_live import LiveMetrics  # noqa: E402

with LiveMetrics() as live:
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
    print(sorted(took)[int(len(took) * 0.99)] * 1e6, len(took))
