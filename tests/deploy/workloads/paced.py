"""A camera loop of 20 frames a second, whose inferences take 3 ms, and each tenth 100 ms.

The durations are those of a clock that is made for it, so they are known to the nanosecond; the
frames are as real as the machine allows. Until standard input ends, and until the collector has
it all; prints the frames and the seconds.
"""

import select
import sys
import time

from waggle_live import LiveMetrics
from waggle_live.instruments.timer import TimerSeries

DURATIONS_NS = [3_000_000] * 9 + [100_000_000]


def main() -> None:
    now = 0
    TimerSeries.clock = staticmethod(lambda: now)
    with LiveMetrics() as live:
        frames, beginning = 0, time.monotonic()
        # Whole rounds of ten, so that the shares of the durations are exact in the end.
        while frames % 10 or not select.select([sys.stdin], [], [], 0)[0]:
            with live.timer("inference"):
                now += DURATIONS_NS[frames % 10]
            live.rate("fps").tick()
            live.counter("frames").inc()
            frames += 1
            time.sleep(max(0.0, beginning + frames / 20 - time.monotonic()))
        seconds = time.monotonic() - beginning
        while not live.flush(5):
            pass
    print(frames, seconds)


if __name__ == "__main__":
    main()
