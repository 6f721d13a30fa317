"""The log: one line of each kind, whatever state the log itself is in."""

import logging
import threading

import pytest

from waggle_live.live import LiveMetrics
from waggle_live.logs import DEFAULT_MAX_KINDS, DEFAULT_MAX_TEXT, LogOnce, describe, printable

from .helpers import in_threads, problems


def test_each_kind_once(caplog):
    """A kind is written once, also by several threads; the kinds are bounded."""
    log_once = LogOnce()
    barrier = threading.Barrier(4)

    def work():
        barrier.wait()
        for kind in range(2 * DEFAULT_MAX_KINDS):
            log_once(kind, "kind %d", kind)

    in_threads(4, work)
    lines = [record.getMessage() for record in caplog.records]
    assert sorted(lines) == sorted(set(lines))
    assert DEFAULT_MAX_KINDS <= len(lines) < DEFAULT_MAX_KINDS + 4


def fail_here():
    raise KeyError("cells")


def fail_there():
    raise KeyError("cells")


def test_faults_once_per_type_and_place(caplog):
    """Each fault is written with its traceback; the same type elsewhere is another fault."""
    log_once = LogOnce()
    for function in (fail_here, fail_there, fail_here, "".index, fail_there):
        try:
            function("x") if function == "".index else function()
        except Exception as error:
            log_once.fault(error, "while testing")
    assert len(caplog.records) == 3
    first, second = (logging.Formatter().format(record) for record in caplog.records[:2])
    assert "while testing\nTraceback" in first and "in fail_here" in first
    assert "in fail_there" in second and "KeyError: 'cells'" in second


class Broken(logging.Handler):
    """A handler of the author's that raises."""

    def emit(self, record):
        raise RuntimeError("broken handler")


@pytest.fixture
def broken_log():
    handler = Broken()
    logging.getLogger("waggle_live").addHandler(handler)
    yield
    logging.getLogger("waggle_live").removeHandler(handler)


def test_a_broken_handler_harms_nobody(broken_log, live, listener, connect):
    """A log handler that raises reaches neither the plugin nor the sender."""
    live.stop_timer("never_started")
    assert problems(live) == {"unmatched_stop": 1}
    sending = connect()
    sending.gauge("bad").set_function(lambda: 1 // 0)
    listener.say({"type": "error", "code": "bad_cell", "text": "x"})
    sending.counter("c").inc()
    assert sending.flush(5)
    assert listener.total("counter", "c") == 1
    absent = LiveMetrics(address="unix:///nowhere/at/all", plugin_name="broken-log")
    absent.counter("c").inc()
    absent.close(timeout=0.1)


def test_printable():
    """Plain text stays; all else is escaped, and no text is long."""
    assert printable("cell 1: name 'a' is bad") == "cell 1: name 'a' is bad"
    assert printable("\x1b[2J\n\u202e\ud800é") == "\\x1b[2J\\n\\u202e\\ud800\\xe9"
    assert len(printable("\U0001f41d" * 1000000)) == DEFAULT_MAX_TEXT


def test_describe():
    """An error is described, also one whose repr raises."""

    class Unprintable(Exception):
        def __repr__(self):
            raise RuntimeError

    assert describe(ValueError(1)).startswith("ValueError(1")
    assert describe(Unprintable()) == "Unprintable"
