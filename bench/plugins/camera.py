"""A plugin of the example's kind: a camera loop with the seven series of ``plugin-example``.

Argument: its number, which sets its frame rate. Durations and values vary as a camera's do. It says
``ready`` after its first frame, and runs until its standard input ends.
"""

import random
import select
import sys
import time

from waggle_live import LiveMetrics


def main(number: int) -> None:
    """Record frames until standard input ends."""
    chance = random.Random(number)
    period = 1 / (5 + 2.5 * number)
    with LiveMetrics(plugin_name="example/plugin-%d" % number, task="task-%d" % number) as live:
        frames, beginning = live.rate("fps"), time.monotonic()
        for frame in range(1 << 60):
            due = beginning + frame * period * chance.uniform(0.98, 1.02)
            if select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))[0]:
                return
            frames.tick()
            with live.timer("inference"):
                time.sleep(min(chance.lognormvariate(-5.5, 0.4), period / 2))
            live.counter("frames", moving=chance.choice(("yes", "no"))).inc()
            live.gauge("movers").set(chance.randrange(9))
            if frame % 25 == 0:
                with live.timer("publish"):
                    time.sleep(0.0002)
            if frame % 40 == 0:
                with live.timer("presence"):
                    time.sleep(0.001)
            if frame == 0:
                print("ready", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
