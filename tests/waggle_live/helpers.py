"""What the tests of the client share."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from .listener import key_of

ROOT = Path(__file__).resolve().parents[2]
MS = 1000000
#: Forking with threads is what is tested; Python 3.12 and later warn of it.
FORK_WARNING = "ignore:This process (pid:DeprecationWarning"


def cells(live):
    """Fold and return the present state of all cells, as they would be sent."""
    return {key_of(message): message for message in (c.take() for c in live._registry.cells())}


def cell(live, kind, name, **labels):
    """Fold and return the present state of one cell."""
    return cells(live)[kind, name, tuple(sorted(labels.items()))]


def problems(live):
    """Return what the client counted about itself, ``{problem: count}``."""
    return {key[1]: found["value"] for key, found in cells(live).items() if key[0] == "problem"}


def run_async(coroutine):
    """``asyncio.run``, which Python 3.6 hasn't got."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def spin(seconds):
    """Stay busy, and let no other thread in but by the interpreter's own switching."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def environment(address=None, **more):
    """Return an environment in which this checkout's package is found, and nothing of Waggle's."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("WAGGLE_")}
    environ.pop("PYWAGGLE_LOG_DIR", None)
    environ.update(PYTHONPATH=str(ROOT), PYTHONWARNINGS=FORK_WARNING, PYTHONUNBUFFERED="1")
    environ["PYTHONFAULTHANDLER"] = "1"
    if address is not None:
        environ["WAGGLE_LIVE_METRICS"] = str(address)
    environ.update(more)
    return environ


def write_script(directory, text, name="main.py"):
    """Write a script and return its path."""
    path = Path(str(directory)) / name
    path.write_text(textwrap.dedent(text))
    return str(path)


def run_python(*arguments, **options):
    """Run this Python to its end and return ``(status, stdout, stderr)``.

    If it isn't done in time, it and all that it has started is killed, and the test fails.
    """
    timeout = options.pop("timeout", 30)
    with subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        start_new_session=True,
        **options,
    ) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGABRT)  # with faulthandler: says where it is
            out, err = process.communicate()
            raise AssertionError("still running: %s\n%s%s" % (arguments, out, err)) from None
    return process.returncode, out, err
