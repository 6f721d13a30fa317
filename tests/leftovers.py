"""What the code under test leaves open.

What an earlier test left may end meanwhile. So a test asks what is new, not how many there are.
"""

import contextlib
import os
import threading


def descriptors():
    """Return the open descriptors of this process: each with what it stands for."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # the listing's own, or just closed
            found.add((number, os.readlink("/proc/self/fd/" + number)))
    return found


def new_descriptors(before):
    """Return the descriptors that were not there ``before``."""
    return descriptors() - before


def new_threads(before):
    """Return the threads that were not there ``before``, a list of threads."""
    return [thread for thread in threading.enumerate() if thread not in before]
