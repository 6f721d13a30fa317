"""A plugin of many instruments and knobs, until its input ends.

Argument: ``hang`` stops the process, as one that hangs as a whole; ``fail`` ends it by an error.
"""

import os
import select
import signal
import sys
import time

from waggle_live import LiveMetrics


def main(how: str) -> None:
    with LiveMetrics() as live:
        live.knob("resolution", default=720, choices=[360, 720])
        live.knob("mode", default="day", choices=["day", "night"])
        begun = time.monotonic()
        while not select.select([sys.stdin], [], [], 0.1)[0]:
            live.timer("inference", model="yolov7").observe(0.03)
            live.timer("inference", model="resnet").observe(0.003)
            live.rate("fps", camera="left").tick()
            live.gauge("cars", zone="b", area="north").set(3)
            live.counter("frames").inc()
            with live.rate("detector"):
                time.sleep(0.001)
            if how and time.monotonic() > begun + 1.5:
                live.flush(5)
                if how == "fail":
                    raise RuntimeError("as a plugin may")
                os.kill(os.getpid(), signal.SIGSTOP)


if __name__ == "__main__":
    main(sys.argv[1] if sys.argv[1:] else "")
