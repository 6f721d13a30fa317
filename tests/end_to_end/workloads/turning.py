"""A plugin whose work depends on a knob, and on a load that a file tells.

It takes ``cost x load`` seconds a frame, without using a core, so that a test may load it at will.
Each line of its trace is a time (monotonic), its pid and the value that the frame had.
"""

import os
import sys
import time
from pathlib import Path

from waggle_live import LiveMetrics

#: Seconds that a frame takes, by the value of the knob.
COSTS = {160: 0.003, 320: 0.01, 640: 0.03}
PERIOD = 0.04


def main(trace, load, crashes_at=""):
    """Count frames until it is killed."""
    with LiveMetrics(plugin_name="turning") as live, open(trace, "a", encoding="ascii") as file:
        knob = live.knob("resolution", default=640, choices=sorted(COSTS))
        for _ in live.rate("frames").each(iter(int, 1)):
            value = knob.value
            file.write("%.4f %d %r\n" % (time.monotonic(), os.getpid(), value))
            file.flush()
            if str(value) == crashes_at:
                raise MemoryError("a frame of %d pixels across" % value)
            begin = time.monotonic()
            with live.timer("inference"):
                time.sleep(COSTS[value] * float(Path(load).read_text() or 1))
            time.sleep(max(0.0, begin + PERIOD - time.monotonic()))


if __name__ == "__main__":
    main(*sys.argv[1:])
