"""Attack a collector until killed: NAME PATH HTTP_PORT TCP_PORT SOURCE ME [ARGUMENTS …]."""

import os
import resource
import sys

from . import ATTACKS
from .stranger import Target


def main():
    name, path, http_port, tcp_port, source, me, *arguments = sys.argv[1:]
    # The collector and its neighbours share two cores with many of these in a test.
    os.nice(10)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    ATTACKS[name](Target(path, int(http_port), int(tcp_port), source, me), *arguments)


main()
