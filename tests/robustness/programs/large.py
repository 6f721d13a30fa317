"""An ordinary large plugin: 1,000 series, each with 200 bytes of labels, five times each.

It ends with its standard input, and prints one line once the collector has all of it.
"""

import sys

from waggle_live import LiveMetrics

TIMERS, COUNTERS = 900, 100


def main() -> None:
    with LiveMetrics() as live:
        labels = {"model": "yolov7-" + "m" * 60, "stream": "camera-" + "c" * 60}
        for number in range(TIMERS):
            timer = live.timer("stage", **labels, part="%044d" % number)
            for _ in range(5):
                with timer:
                    pass
        for number in range(COUNTERS):
            live.counter("items", **labels, part="%044d" % number).inc(5)
        while not live.flush(5):
            pass
        print("all", flush=True)
        sys.stdin.read()


main()
