"""Signal handlers that raise while something of ours runs: what they raise is the author's."""

import logging
import os
import signal
import sys
import threading

import pytest

from waggle_live import logs
from waggle_live.live import LiveMetrics

from ..helpers import until

BEGINNING = ("reporter.py", "sender.py", "session.py", "native.py", "request.py", "state.py")


class Interrupted(Exception):
    """Raised by the handler."""


@pytest.fixture
def interrupt():
    """Send a signal whose handler raises."""

    def handler(signum, frame):
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, handler)

    def send(*_):
        os.kill(os.getpid(), signal.SIGUSR1)
        return 1.0

    yield send
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.skipif(sys.gettrace() is not None, reason="another tracer runs")
def test_in_the_middle_of_a_start(listener, interrupt):
    """At each line of what starts the session: none is lost, there is one session or a next."""
    at = 0
    while True:
        live = LiveMetrics(
            address="unix://" + listener.path, plugin_name="traced-%d" % at, interval=0.02
        )
        counter, lines = live.counter("c"), iter(range(10**6))
        before = listener.total("counter", "c")

        def line(*_):
            if next(lines) == at:  # noqa: B023
                sys.settrace(None)
                interrupt()

        def trace(frame, event, arg):
            if frame.f_code.co_filename.endswith(BEGINNING):
                line()
                return lambda *_: line()
            return None

        sys.settrace(trace)
        try:
            counter.inc()
            was_interrupted = False
        except Interrupted:
            was_interrupted = True
        finally:
            sys.settrace(None)
        counter.inc()
        live.counter("d").inc()
        assert live.flush(10)
        counted = listener.total("counter", "c") - before
        assert counted in ((1, 2) if was_interrupted else (2,)), at
        live.close(timeout=5)
        if not was_interrupted:
            break
        at += 1
    assert at > 40
    until(lambda: "waggle-live" not in [each.name for each in threading.enumerate()])


def test_in_the_middle_of_a_conversion(live, interrupt):
    """It is no wrong value."""

    class Number:
        __float__ = __index__ = interrupt

    for call in (
        lambda: live.gauge("g").set(Number()),
        lambda: live.counter("c").inc(Number()),
        lambda: live.rate("r").tick(Number()),
    ):
        with pytest.raises(Interrupted):
            call()


@pytest.mark.parametrize("place", ["emit", "format"])
def test_in_the_middle_of_a_line_of_log(interrupt, place):
    """logging's own handling of errors doesn't take it, nor does ours."""
    handler = logging.StreamHandler()
    setattr(handler, place, interrupt)
    logs.logger.addHandler(handler)
    try:
        with pytest.raises(Interrupted):
            logs.warn("x")
    finally:
        logs.logger.removeHandler(handler)
