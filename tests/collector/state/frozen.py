"""A disk that doesn't finish what it is asked for: who writes waits in a system call."""

import contextlib
import os
import threading

#: A collector whose disk is frozen while there is a file beside its state file.
PROGRAM = """
import os, sys, time
from waggle_live_collector.__main__ import main
(state,) = [flag.partition("=")[2] for flag in sys.argv if flag.startswith("--state.file=")]
replace = os.replace
def wait(*paths):
    while os.path.exists(state + ".frozen"):
        time.sleep(0.01)
    replace(*paths)
os.replace = wait
main()
"""


@contextlib.contextmanager
def frozen():
    """Let no file take another's place in this process; yield what is set once one waits."""
    waits, goes_on = threading.Event(), threading.Event()
    replace = os.replace

    def wait(*paths):
        waits.set()
        goes_on.wait()
        replace(*paths)

    os.replace = wait
    try:
        yield waits
    finally:
        os.replace = replace
        goes_on.set()


@contextlib.contextmanager
def frozen_disk(collector):
    """Freeze the disk of a collector that runs :data:`PROGRAM`."""
    mark = collector.directory + "/state.frozen"
    with open(mark, "w"):
        pass
    try:
        yield
    finally:
        os.unlink(mark)
