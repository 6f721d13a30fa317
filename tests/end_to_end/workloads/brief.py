"""A plugin that lives for about 50 ms."""

import time

from waggle_live import LiveMetrics

with LiveMetrics() as live:
    with live.timer("brief"):
        time.sleep(0.02)
    live.counter("runs").inc()
