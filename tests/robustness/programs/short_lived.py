"""Processes one after another that report once and end without a word.

Arguments: the path of the socket; the number of the first, and of the first that is not.
"""

import os
import sys

from tests.robustness.test_restarts import live_once


def main(path: str, first: str, end: str) -> None:
    for number in range(int(first), int(end)):
        child = os.fork()
        if not child:
            live_once(path, "short-%06d" % number, bye=False, plugin="short")
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0


main(*sys.argv[1:])
