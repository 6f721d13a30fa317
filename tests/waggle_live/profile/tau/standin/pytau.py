"""Stands in for one call of TAU's module of that name: ``dbDump`` writes what TAU once wrote.

Each call writes the next of the recorded dumps (then the last again), in place and in pieces as
TAU does; the end of the process writes the recorded final profile, unless
``STANDIN_FINAL=no``. It measures nothing: it is for testing what runs around TAU.
"""

import atexit
import os
import sys
from pathlib import Path

_PROFILES = Path(__file__).resolve().parents[1] / "profiles" / "04-dbdump"
_DIRECTORY = os.environ["PROFILEDIR"]
_done = []


def dbDump(prefix):
    """Write the next dump."""
    if os.environ.get("STANDIN_FAILS"):
        raise RuntimeError("no dump")
    step = min(len(_done), 3)
    _done.append(step)
    _write("%s.-1.0.0" % prefix, _PROFILES / "series" / ("step%d" % step) / "dump.-1.0.0")


def _write(name, source):
    data = source.read_bytes()
    for directory in (_DIRECTORY, os.path.join(_DIRECTORY, "MULTI__TIME")):
        if os.path.isdir(directory):
            with open(os.path.join(directory, name), "wb", buffering=0) as file:
                for start in range(0, len(data), 1000):
                    file.write(data[start : start + 1000])


if os.environ.get("STANDIN_FINAL") != "no":
    atexit.register(_write, "profile.-1.0.0", _PROFILES / "profile.-1.0.0")


def setNode(node):
    """Say under which node this process writes."""
    print("node", node, file=sys.stderr, flush=True)
