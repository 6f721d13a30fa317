"""A job of cron: counts three things and ends, patiently, for the machine may be busy.

Runs with older clients as well.
"""

from waggle_live import LiveMetrics

with LiveMetrics() as live:
    for _ in range(3):
        with live.timer("run"):
            live.rate("fps").tick()
    live.counter("runs", of="it").inc()
    live.close(timeout=5)
