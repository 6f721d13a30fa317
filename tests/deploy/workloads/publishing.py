"""A plugin that publishes, uploads, fails and stops what it never started, until its input ends.

Argument: a file to upload. ``PYWAGGLE_LOG_DIR`` says where to, as outside of a node.
"""

import contextlib
import select
import sys
import time

from waggle_live import Plugin


def main(path: str) -> None:
    with Plugin() as plugin:
        while not select.select([sys.stdin], [], [], 0.1)[0]:
            plugin.publish("env.count", 1)
            plugin.upload_file(path, timestamp=time.time_ns(), keep=True)
            plugin.live.gauge("queued").set(time.time() % 7)
            plugin.live.stop_timer("never_started")
            with contextlib.suppress(KeyError), plugin.live.timer("lookup", table="a"):
                raise KeyError


if __name__ == "__main__":
    main(sys.argv[1])
