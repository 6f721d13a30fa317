"""A plugin that records, with children that record as well or without, and then ends as it is told.

Arguments: the statement that ends it, run within the plugin's block or, if the second argument is
"outside", after it; how to start a child, or "none".
"""

import multiprocessing
import os
import subprocess
import sys
import time
from typing import Callable

from waggle_live import LiveMetrics

RECORDED = 1000


def record() -> None:
    """Record and wait until that is at the collector."""
    live = LiveMetrics().open()
    for _ in range(RECORDED):
        live.counter("done").inc()
    assert live.flush(10)


def say_ready() -> None:
    """Say so on a line of its own, in one piece: parent and child may do it at once."""
    os.write(1, b"ready\n")


def work() -> None:
    """Be a child, which outlives its parent for as long as nobody ends it."""
    record()
    say_ready()
    time.sleep(float(os.environ["CHILD_SECONDS"]))


def start_child(method: str) -> Callable[[], object]:
    """Start one; return what waits for its end."""
    if method == "subprocess":
        return subprocess.Popen([sys.executable, __file__, "work()", "outside", "none"]).wait
    if method == "pool":
        pool = multiprocessing.get_context("fork").Pool(1)
        return pool.apply_async(work).get
    process = multiprocessing.get_context(method).Process(target=work)
    process.start()
    return process.join


if __name__ == "__main__":
    statement, place, method = sys.argv[1:]
    if statement == "work()":
        work()
        sys.exit()
    record()
    if method != "none":
        join = start_child(method)
    with LiveMetrics() as live:
        live.counter("done").inc()  # what may not be sent yet when it ends
        say_ready()
        if place == "within":
            exec(statement)
    if method != "none":
        join()
    exec(statement)
