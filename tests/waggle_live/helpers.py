"""What the tests of the client share."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from contextlib import contextmanager
from pathlib import Path

import pytest

from .listener import all_is_read, key_of

ROOT = Path(__file__).resolve().parents[2]
MS = 1000000
#: Forking with threads is what is tested; Python 3.12 and later warn of it.
FORK_WARNING = "ignore:This process (pid:DeprecationWarning"


def clock():
    """Return ``time.perf_counter`` in whole nanoseconds, which Python 3.6 hasn't got."""
    return time.perf_counter_ns() if sys.version_info >= (3, 7) else int(time.perf_counter() * 1e9)


class Scalar:
    """Like a NumPy scalar: no number by type, one by ``__float__``."""

    def __init__(self, value):
        self.value = value

    def __float__(self):
        return float(self.value)


class Whole:
    """Like a NumPy integer: no int by type, one by ``__index__``."""

    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value


def in_threads(count, work):
    """Run ``work()`` in so many threads at once, until all have ended."""
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Stopwatch:
    """The test's own measurement of what the client measures: bounds true on the busiest machine.

    A lap ``outside`` begins just before it and ends just after, so it takes at least as long; one
    ``inside`` takes at most as long. Laps may nest and run side by side; all are nanoseconds.
    """

    def __init__(self):
        self.inner = []
        self.outer = []

    def outside(self):
        """Measure the block as one lap around what the client measures."""
        return self._lap(self.outer)

    def inside(self):
        """Measure the block as one lap within what the client measures."""
        return self._lap(self.inner)

    def check(self, found):
        """Assert that each figure of a cell, with a lap of both kinds a use, lies between them."""
        assert found["count"] == len(self.inner) == len(self.outer)
        for figure, of in (("min", min), ("max", max), ("sum", sum)):
            if figure in found:  # rates have but a sum
                self.check_one(found[figure], of)

    def check_one(self, duration, of=sum):
        """Assert that one duration lies between the laps ``of`` each kind."""
        assert of(self.inner) <= duration <= of(self.outer), (self.inner, duration, self.outer)

    @staticmethod
    @contextmanager
    def _lap(laps):
        begin = clock()
        try:
            yield
        finally:
            laps.append(clock() - begin)


def last(laps):
    """Return the lap that ended last."""
    return laps[-1]


def taken(state):
    """Fold a state and return its cell, as it would be sent."""
    return json.loads(state.take())


def cells(live):
    """Fold and return all cells, as they would be sent; wait for those that the sender folds."""

    def take(state):
        text = state.take()
        return text is not None and [text]

    states = live._registry.states()
    texts = [until(lambda state=state: take(state))[0] for state in states]
    return {key_of(cell): cell for cell in map(json.loads, filter(None, texts))}


def sample(live):
    """Take the values of all gauges that have a function, as before a send."""
    for state in live._registry.states():
        if state.sample is not None:
            state.sample()()


def cell(live, kind, name, **labels):
    """Fold and return one cell, as it would be sent."""
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
        with warnings.catch_warnings():
            # Python 3.8 warns of its own call, if a generator is still being closed.
            warnings.simplefilter("ignore", DeprecationWarning)
            loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def turns():
    """Let the event loop turn often enough for what was scheduled to end, however long it takes."""
    for _ in range(20):
        await asyncio.sleep(0)


def until(function, timeout=30.0):
    """Call until it returns something true, and return that."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        found = function()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError("nothing came")


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

    By then the listeners of this process have read all that it said. If it isn't done in time, it
    and all that it has started is killed, and the test fails.
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
    until(all_is_read)
    return process.returncode, out, err


def oldest_pywaggle(environment=sys.prefix):
    """Return the directory of the oldest pywaggle that we take, to be put first on the path; skip,
    or fail in CI, where ``make`` has not installed it in that virtual environment."""
    directory = os.path.join(environment, "pywaggle-oldest")
    if not os.path.isdir(directory):
        reason = "the package pywaggle==0.52.0.post1 is missing: make installs it in " + directory
        assert not os.environ.get("CI"), reason
        pytest.skip(reason)
    return directory
