"""Functions of gauges that fail: it costs their own gauge, and a line of log."""

import sys

import pytest

from waggle_live.native import Native

from ..helpers import problems, sample, until
from .test_gauge_functions import value

pytestmark = pytest.mark.oldest_and_newest


def raising(error):
    def function():
        raise error

    return function


class Unprintable(Exception):
    def __repr__(self):
        raise RuntimeError("no repr")

    __str__ = __repr__


@pytest.mark.parametrize(
    "function",
    [
        raising(ValueError("x")),
        raising(SystemExit(3)),
        raising(KeyboardInterrupt()),
        raising(GeneratorExit()),
        raising(Unprintable()),
        lambda: "1",
        lambda: None,
        lambda: [1],
        lambda: 10**400,
        lambda missing: 1,
        sys.exit,
    ],
)
def test_a_function_that_fails_costs_its_own_gauge(listener, connect, caplog, function):
    """Whatever it raises or returns: counted, named once, and the others go on."""
    live = connect()
    live.gauge("bad").set_function(function)
    live.gauge("nan").set_function(lambda: float("nan"))
    assert listener.wait_for(lambda seen: seen.total("problem", "record_error") >= 3)
    assert live.flush(2)
    assert value(listener, "nan") == "NaN"
    (record,) = caplog.records
    assert "gauge 'bad'" in record.getMessage()


def test_each_gauge_that_fails_is_named(listener, connect, caplog):
    """A second gauge with a bad function is no repetition of the first."""
    live = connect()
    live.gauge("a").set_function(lambda: 1 // 0)
    live.gauge("b").set_function(lambda: 1 // 0)
    until(lambda: len(caplog.records) == 2)
    assert listener.wait_for(lambda seen: seen.total("problem", "record_error") >= 6)
    assert ["'a'" in record.getMessage() for record in caplog.records] == [True, False]


def test_no_thread_for_the_functions(listener, connect, caplog, monkeypatch):
    """Where no thread can be started the gauges stay as they are, said once; the rest is sent."""
    live = connect()
    start = Native.start_thread

    def refuse(run, name=""):
        if name == "live-gauge-functions":
            raise RuntimeError("can't start new thread")
        start(run, name)

    monkeypatch.setattr(Native, "start_thread", staticmethod(refuse))
    live.gauge("g").set_function(lambda: 1)
    live.counter("c").inc()
    assert live.flush(5)
    assert live.flush(5)
    assert listener.total("counter", "c") == 1
    assert len(caplog.records) == 1
    monkeypatch.undo()
    assert listener.wait_for(lambda seen: value(seen, "g") == 1)


def test_many_gauges_that_fail_leave_other_problems_their_line(live, caplog):
    """The lines about gauges are bounded, and a first problem of another kind is still told."""
    for number in range(200):
        live.gauge("bad%d" % number).set_function(lambda: 1 // 0)
    sample(live)
    live.stop_timer("never_started")
    assert len(caplog.records) == 101
    assert problems(live) == {"record_error": 200, "unmatched_stop": 1}


def test_what_a_function_forks_can_be_stopped(listener, play_forking):
    """The child takes signals, although no thread of ours does."""
    play_forking("""
        import signal
        children = []
        def function():
            if not children:
                children.append(os.fork())
                if not children[0]:
                    time.sleep(60)
                    os._exit(0)
            return 1
        live.gauge("g").set_function(function)
        while not children:
            assert live.flush(5)
        os.kill(children[0], signal.SIGTERM)
        assert os.waitpid(children[0], 0)[1] == signal.SIGTERM
    """)
