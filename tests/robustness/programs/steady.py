"""A plugin that counts in two threads until its standard input ends; prints how often.

Argument, optional: seconds that it tries to be heard at its end (5 by default).
"""

import sys
import threading
import time

from waggle_live import LiveMetrics


def record(live: LiveMetrics, stop: threading.Event, counts: "list[int]") -> None:
    """Count until told to stop."""
    done = 0
    while not stop.is_set():
        live.counter("done").inc()
        with live.timer("block"):
            done += 1
        time.sleep(0.001)
    counts.append(done)


def main(patience: float) -> None:
    stop, counts = threading.Event(), []
    with LiveMetrics() as live:
        threads = [threading.Thread(target=record, args=(live, stop, counts)) for _ in range(2)]
        for thread in threads:
            thread.start()
        sys.stdin.read()
        stop.set()
        for thread in threads:
            thread.join()
        # Nobody waits for a collector that was never there: it may be down since before our start.
        until = time.monotonic() + patience
        while not live.flush(1) and time.monotonic() < until:
            time.sleep(0.05)
        # Not flush alone: what is only applied is lost if the collector is killed before the save.
        live.close(timeout=patience)
        print(sum(counts))


main(float(sys.argv[1]) if sys.argv[1:] else 5.0)
