"""Functions of gauges: asked before each send, and none of them holds anything up."""

import os
import threading
import time

import pytest

from waggle_live.reporter import gauge_functions as module

from ..helpers import environment, problems, run_python, until

pytestmark = pytest.mark.oldest_and_newest


def threads():
    return [each for each in threading.enumerate() if each.name == "live-gauge-functions"]


def value(listener, name):
    """Return the last value of a gauge, None before there is one."""
    found = [cell for (_, key), cell in listener.state().items() if key[1] == name]
    return found[0]["value"] if found else None


@pytest.fixture
def blocked():
    """A function that blocks until the test's end, and what tells that it was called."""
    called, release = threading.Event(), threading.Event()

    def function():
        called.set()
        release.wait(60)
        return 77

    function.called, function.release = called, release
    yield function
    release.set()


@pytest.fixture
def soon(monkeypatch):
    """Functions count as blocked after a second."""
    assert module.DEFAULT_FUNCTION_SECONDS == 5.0
    monkeypatch.setattr(module, "DEFAULT_FUNCTION_SECONDS", 1.0)


def test_no_thread_without_functions(listener, connect):
    """The thread is there while a session has functions, and no longer."""
    live = connect()
    live.gauge("plain").set(1)
    assert live.flush(2)
    assert not threads()
    live.gauge("g").set_function(lambda: 1)
    assert live.flush(2)
    (thread,) = threads()
    assert thread.daemon
    live.close(timeout=5)
    until(lambda: not threads())


def test_a_flush_takes_fresh_values(listener, connect, monkeypatch):
    """What a quick function gives when flush is called is there when it returns."""
    assert module.DEFAULT_FUNCTION_WAIT == 0.25  # what is quick; a busy machine may take longer
    monkeypatch.setattr(module, "DEFAULT_FUNCTION_WAIT", 10.0)
    live = connect(interval=10)
    now = [0]
    live.gauge("g").set_function(lambda: now[0])
    for now[0] in range(1, 6):
        assert live.flush(20)
        assert value(listener, "g") == now[0]
    now[0] = 99
    live.close(timeout=20)
    assert value(listener, "g") == 99


def test_functions_are_called_in_one_thread(listener, connect):
    """Always the same one, so that a function may keep what is of a thread, a database's say."""
    live, seen = connect(), set()
    for name in ("a", "b"):
        live.gauge(name).set_function(lambda: seen.add(threading.get_ident()) or 1)
    for _ in range(10):
        assert live.flush(2)
    assert len(seen) == 1


def test_a_blocked_function_holds_nothing_up(listener, connect, caplog, soon, blocked):
    """Counters, flushes and the other functions go on; its gauge keeps its value and is named."""
    live = connect()
    live.gauge("stuck").set(5)
    assert live.flush(2)
    live.gauge("stuck").set_function(blocked)
    numbers = iter(range(10**9))
    live.gauge("other").set_function(lambda: next(numbers))
    assert blocked.called.wait(5)
    live.counter("c").inc()
    assert live.flush(5)
    assert listener.total("counter", "c") == 1
    until(lambda: caplog.records)
    before = value(listener, "other") or 0
    assert listener.wait_for(lambda seen: (value(seen, "other") or 0) > before + 3)
    assert value(listener, "stuck") == 5
    assert listener.wait_for(lambda seen: seen.total("problem", "record_error") == 1)
    (record,) = caplog.records
    assert "gauge 'stuck'" in record.getMessage()
    assert len(threads()) == 2
    blocked.release.set()
    assert listener.wait_for(lambda seen: value(seen, "stuck") == 77)
    until(lambda: len(threads()) == 1)


def test_many_blocked_functions_hold_a_bounded_number_of_threads(
    listener, connect, soon, blocked, monkeypatch
):
    """Beyond the bound no further function is asked; the rest is sent."""
    monkeypatch.setattr(module, "DEFAULT_MAX_BLOCKED", 2)
    live = connect()
    for number in range(6):
        live.gauge("stuck", number=number).set_function(blocked)
    assert listener.wait_for(lambda seen: seen.total("problem", "record_error") == 2)
    time.sleep(0.5)
    live.counter("c").inc()
    assert live.flush(5)
    assert listener.total("counter", "c") == 1
    assert len(threads()) == 2
    assert problems(live) == {"record_error": 2}


def test_sessions_in_turn_with_a_blocked_function(listener, connect, blocked):
    """Opening and closing over and over makes no thread for each; no end waits for it."""
    began = time.monotonic()
    for _ in range(20):
        live = connect()
        live.gauge("stuck").set_function(blocked)
        live.counter("c").inc()
        live.close(timeout=5)
    assert time.monotonic() - began < 20
    assert listener.total("counter", "c") == 20
    until(lambda: len(threads()) == 1)


def test_a_value_that_comes_after_the_end_begins_no_session(listener, connect, blocked):
    """A function that returns once its session has ended records nothing."""
    live = connect()
    live.gauge("stuck").set_function(blocked)
    assert blocked.called.wait(5)
    live.close(timeout=5)
    blocked.release.set()
    until(lambda: not threads())
    time.sleep(0.1)
    assert len(listener.connections) == 1


def test_slow_functions_do_not_slow_the_sending(listener, connect):
    """Twenty that take 0.2 s each: counters are sent as ever, and each gauge in the end."""
    live = connect()
    for number in range(20):
        live.gauge("slow", number=number).set_function(lambda: time.sleep(0.2) or 1)
    for total in range(1, 6):
        live.counter("c").inc()
        assert listener.wait_for(lambda seen, n=total: seen.total("counter", "c") == n, 2)
    began = time.monotonic()
    assert live.flush(5)
    assert time.monotonic() - began < 2  # 4 s for all of them
    assert listener.wait_for(
        lambda seen: sum(seen.total("gauge", "slow", number=str(n)) for n in range(20)) == 20, 15
    )


@pytest.mark.parametrize("call", ["flush", "close", "leave", "set_function"])
def test_a_function_may_call_what_it_belongs_to(listener, connect, call):
    """It can't wait for itself: it goes on at once."""
    live, took = connect(), []

    def function():
        began = time.monotonic()
        if call == "flush":
            assert live.flush(20) is False
        elif call == "close":
            live.close(timeout=20)
        elif call == "leave":
            with live:
                live.counter("within").inc()
        else:
            live.gauge("g").set_function(None)
        took.append(time.monotonic() - began)
        return 1

    live.gauge("g").set_function(function)
    until(lambda: took)
    live.gauge("g").set_function(None)
    assert took[0] < 10
    live.counter("c").inc()
    # False beside an end that is under way: what was recorded then is the next session's.
    until(lambda: live.open().flush(5))
    assert listener.total("counter", "c") == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_asks_in_a_thread_of_its_own(play_forking):
    """Also while the parent's is in the middle of a function."""
    play_forking(
        """
        called = threading.Event()
        pids = []

        def function():
            called.set()
            pids.append(os.getpid())
            time.sleep(0.01)
            return os.getpid()

        live.gauge("g").set_function(function)
        called.wait(5)

        def child():
            del pids[:]
            live.counter("c").inc()
            while os.getpid() not in pids:
                assert live.flush(5)

        wait(in_child(child), in_child(child))
        live.close()
        """
    )


BLOCKED_AT_THE_END = """
import threading, time
from waggle_live.live import LiveMetrics
live = LiveMetrics(plugin_name="x")
live.gauge("stuck").set_function(threading.Event().wait)
with live:
    live.counter("c").inc(3)
    time.sleep(0.3)
"""


def test_a_process_ends_beside_a_blocked_function(listener):
    """It says all there is and goodbye, and doesn't wait for the function."""
    began = time.monotonic()
    address = "unix://" + listener.path
    status, out, err = run_python("-c", BLOCKED_AT_THE_END, env=environment(address))
    assert (status, out, err) == (0, "", "")
    assert time.monotonic() - began < 15
    assert listener.total("counter", "c") == 3
    assert len(listener.messages("bye")) == 1
