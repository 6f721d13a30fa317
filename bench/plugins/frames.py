"""A plugin of 30 frames a second: 8 timers, a rate and a gauge a frame; or its plain loop.

Arguments: its number, and ``plain`` for the loop without instruments. It says ``ready`` after its
first second, and runs until its standard input ends.
"""

import select
import sys
import time
from typing import Callable, List

FRAMES_PER_SECOND, TIMERS = 30, 8
NAMES = ["block.%d" % index for index in range(TIMERS)]


def loop(number: int, record: Callable[[int], None]) -> None:
    """Call ``record`` for each frame. Plugins of different numbers are out of step."""
    beginning = time.monotonic() + number % 30 / 900
    for frame in range(1 << 60):
        due = beginning + frame / FRAMES_PER_SECOND
        if select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))[0]:
            return
        record(frame)
        if frame == FRAMES_PER_SECOND:
            print("ready", flush=True)


def plain(number: int) -> None:
    """Run the loop without instruments."""
    done: List[int] = []

    def record(frame: int) -> None:
        for _name in NAMES:
            pass
        done[:] = [frame]

    loop(number, record)


def measured(number: int) -> None:
    """Run the loop with them."""
    from waggle_live import LiveMetrics

    with LiveMetrics(plugin_name="frames", task="task%d" % number) as live:
        rate, gauge = live.rate("fps"), live.gauge("frame")

        def record(frame: int) -> None:
            for name in NAMES:
                with live.timer(name):
                    pass
            rate.tick()
            gauge.set(frame)

        loop(number, record)


if __name__ == "__main__":
    (plain if sys.argv[2:] == ["plain"] else measured)(int(sys.argv[1]))
