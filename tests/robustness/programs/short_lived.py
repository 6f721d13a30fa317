"""Processes that report once and end without a word, a few at a time.

Arguments: the path of the socket; the number of the first, and of the first that is not.
"""

import os
import sys

from tests.robustness.short_life import live_once

#: While one waits for the collector, others begin and end.
AT_ONCE = 4


def begin(path: str, number: int) -> int:
    """Fork a process; return its id."""
    child = os.fork()
    if not child:
        live_once(path, "short-%06d" % number, bye=False, plugin="short")
        os._exit(0)
    return child


def main(path: str, first: str, end: str) -> None:
    for start in range(int(first), int(end), AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, int(end)))
        for child in [begin(path, number) for number in numbers]:
            assert os.waitpid(child, 0)[1] == 0


main(*sys.argv[1:])
