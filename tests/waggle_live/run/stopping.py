"""Stops scripts by SIGTERM, and says what must have come of it."""

import contextlib
import os
import signal
import subprocess
import sys
import time

from ..helpers import environment, write_script
from .running import RUN

#: Records, and sends nothing before its end; says that its own ends run, where they do.
PLUGIN = """
    import atexit, os, signal, sys, threading, time
    from waggle_live.live import LiveMetrics
    from waggle_live.reporter import reporter

    reporter.DEFAULT_EXIT_TIMEOUT = 20  # what is sent in half a second depends on the machine
    live = LiveMetrics(plugin_name="x")
    live._reporter._interval = 30

    def record():
        for _ in range(5000):
            with live.timer("t"):
                pass
        live.counter("c").inc()

    def ready():
        record()
        print("ready", flush=True)
"""
#: As without a test: the end waits for half a second and no longer.
IN_TIME = "reporter.DEFAULT_EXIT_TIMEOUT = 0.5\n"
SLEEP = "with live:\n    ready()\n    time.sleep(30)\n"
#: Never interrupted by a signal.
BLOCKED_IN_C = """
import ctypes
mutex, lock = ctypes.create_string_buffer(64), ctypes.CDLL(None).pthread_mutex_lock
lock(mutex) or lock(mutex)
"""


def text_of(part):
    """Return the plugin with its last part."""
    lines = part.strip("\n").splitlines()
    return PLUGIN + "".join("    %s\n" % line for line in lines)


@contextlib.contextmanager
def started(listener, tmp_path, text, *arguments, launcher=RUN, before=()):
    """Start a script and wait until it is ready; in the end kill all that is left of it."""
    with subprocess.Popen(
        [*before, sys.executable, *launcher, write_script(tmp_path, text), *arguments],
        env=environment("unix://" + listener.path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        start_new_session=True,
    ) as child:
        try:
            line = child.stdout.readline()
            assert line.startswith("ready"), line + child.stderr.read()
            yield child
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)


def stop(listener, tmp_path, text, *arguments, **options):
    """Send SIGTERM once the script is ready; return its status, what it printed, and how long
    its end took."""
    with started(listener, tmp_path, text, *arguments, **options) as child:
        begin = time.monotonic()
        child.send_signal(signal.SIGTERM)
        status = child.wait(20)
        took = time.monotonic() - begin
        return status, child.stdout.read(), child.stderr.read(), took


def has_group(pid):
    """Tell whether any process of that group lives."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


def check_told(listener, processes=1):
    """Assert that all samples of so many processes came, and each end as one."""
    assert listener.wait_for(lambda seen: len(seen.messages("bye")) == processes)
    assert listener.total("timer", "t") == 5000 * processes
    assert listener.total("counter", "c") == processes
    assert [message["status"] for message in listener.messages("bye")] == ["stopped"] * processes
    assert len(listener.messages("hello")) == processes
