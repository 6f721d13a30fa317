"""Fixtures of the client's tests."""

import os
import sys
import textwrap
import threading

import pytest

from waggle_live.live import LiveMetrics
from waggle_live.reporter import reporter

from .helpers import environment, run_python, until, write_script
from .listener import Listener


@pytest.fixture(autouse=True)
def no_waggle_in_the_environment(monkeypatch):
    """Each test begins as on a machine that has nothing of Waggle."""
    for name in list(os.environ):
        if name.startswith(("WAGGLE_", "PYWAGGLE_")):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def no_session_is_left():
    """Each test begins without a session, as a process does."""
    yield
    # Else its last words would be in the next test's log.
    until(has_ended)


def has_ended():
    """End all sessions, those too that began with what came meanwhile; tell whether it is so."""
    reporter.end_all(timeout=0.05, for_good=False)
    ours = ("waggle-live", "live-gauge-functions", "live-leases")
    return all(thread.name not in ours for thread in threading.enumerate())


@pytest.fixture
def live(request):
    """Live metrics that record and send nowhere, of a plugin that no other test has."""
    return LiveMetrics(address="off", plugin_name=request.node.name)


@pytest.fixture
def listener(tmp_path):
    """A listener that reads and answers."""
    made = Listener(tmp_path / "l.sock")
    yield made
    made.reads.set()
    made.stop()


@pytest.fixture
def connect(listener):
    """Make live metrics that send to ``listener``; they are closed at the end."""

    def make(**options):
        options.setdefault("plugin_name", "test")
        options.setdefault("interval", 0.02)
        return LiveMetrics(address="unix://" + listener.path, **options).open()

    return make


@pytest.fixture
def fast_switching():
    """Threads change places as often as the interpreter can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


FORKING_HEAD = """
    import os, sys, threading, time
    from waggle_live import TIMER, RATE, GAUGE
    from waggle_live.live import LiveMetrics

    def in_child(function):
        pid = os.fork()
        if pid == 0:
            try:
                function()
            except BaseException:
                import traceback
                traceback.print_exc()
                os._exit(9)
            live.close("ok", 5)
            os._exit(0)
        return pid

    def wait(*pids):
        for pid in pids:
            status = os.waitpid(pid, 0)[1]
            assert status == 0, status

    live = LiveMetrics(interval=0.05).open()
"""


@pytest.fixture
def play_forking(listener, tmp_path):
    """Run a script that begins with FORKING_HEAD, to its end without a word on stderr."""

    def run(text, name="main.py"):
        whole = textwrap.dedent(FORKING_HEAD) + textwrap.dedent(text)
        path = write_script(tmp_path, whole, name)
        status, out, err = run_python(path, env=environment("unix://" + listener.path))
        assert (status, err) == (0, "")
        return out

    return run
