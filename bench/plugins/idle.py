"""A plugin that has recorded one block and has nothing more to say.

Argument: its number. It says ``ready`` once the collector has the block, and runs until its
standard input ends.
"""

import sys

from waggle_live import LiveMetrics

if __name__ == "__main__":
    with LiveMetrics(plugin_name="idle", task="task" + sys.argv[1]) as live:
        with live.timer("block"):
            pass
        live.flush(5)
        print("ready", flush=True)
        sys.stdin.read()
