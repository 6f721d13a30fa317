"""Timers and spans are objects of their own; whatever interrupts a call of theirs."""

import sys
import time

import pytest

from ..helpers import MS, Stopwatch, cell, in_threads, problems


def test_each_call_makes_an_object(live):
    """No two calls share a timer or a span, with labels or without."""
    for labels in ({}, {"a": "x"}):
        assert len({id(timer) for timer in [live.timer("t", **labels) for _ in range(3)]}) == 3
    timer = live.timer("t")
    assert len({id(span) for span in [timer.start() for _ in range(3)]}) == 3


def test_two_that_are_kept_are_two(live):
    """Whoever asks twice and keeps both gets both durations right, in whatever order they end."""
    live.timer("t")
    first, second = live.timer("t"), live.timer("t")
    first.__enter__()
    time.sleep(0.02)
    second.__enter__()
    first.__exit__(None, None, None)
    time.sleep(0.04)
    second.__exit__(None, None, None)
    found = cell(live, "timer", "t")
    assert found["count"] == 2
    assert found["min"] >= 20 * MS  # and not the moment from the second's start to the first's end


def test_one_that_an_interrupt_left_open(live):
    """A block that was entered and never left leaves no trace in the next one."""
    watch = Stopwatch()
    live.timer("t")
    live.timer("t").__enter__()
    time.sleep(0.02)
    with watch.outside(), live.timer("t") as timer, watch.inside():
        assert type(timer._start) is int
    found = cell(live, "timer", "t")
    watch.check(found)
    assert found["count"] == 1


def test_threads_that_change_places_at_each_line(live, fast_switching):
    """Under a tracer written in Python, threads change places anywhere, and nothing is lost."""
    live.timer("t")

    def give_way(frame, event, argument):
        if "waggle_live" in frame.f_code.co_filename:
            time.sleep(0)
            return give_way
        return None

    def work():
        sys.settrace(give_way)
        for _ in range(200):
            with live.timer("t"):
                pass

    in_threads(6, work)
    assert cell(live, "timer", "t")["count"] == 6 * 200
    assert problems(live) == {}


@pytest.mark.parametrize("use", ["block", "span"])
def test_an_error_of_a_signal_handler_goes_on(live, use):
    """A TypeError that a signal handler raises in the middle of ours is not taken for misuse."""
    timer = live.timer("t")

    def handle(frame, event, argument):  # comes between two instructions, as a handler does
        if event == "c_return" and argument.__name__ == "append":
            raise TypeError("the handler's own")

    def work():
        sys.setprofile(handle)
        try:
            if use == "span":
                timer.start().stop()
            else:
                with timer:
                    pass
        finally:
            sys.setprofile(None)

    with pytest.raises(TypeError, match="the handler's own"):
        work()
    assert cell(live, "timer", "t")["count"] == 1
    assert problems(live) == {}


@pytest.mark.parametrize("depth", [1, 2])
def test_an_error_while_the_clock_is_read(live, depth):
    """A TypeError that comes out of the clock's call goes on, in a block that is reentered too."""
    timer, raised = live.timer("t"), []

    def handle(frame, event, argument):
        if event == "c_return" and argument.__name__.startswith("perf_counter") and not raised:
            raised.append(True)
            raise TypeError("the handler's own")

    def descend(left):
        with timer:
            if left > 1:
                descend(left - 1)
            else:
                sys.setprofile(handle)

    try:
        with pytest.raises(TypeError, match="the handler's own"):
            descend(depth)
    finally:
        sys.setprofile(None)
    assert cell(live, "timer", "t")["failures"] == depth - 1
    assert problems(live) == {}


def test_a_signal_handler_within_the_slow_path(live):
    """A handler that uses a kept object while that is entered or left again confuses nothing."""
    timer, handled = live.timer("t"), []

    def handle(frame, event, argument):
        if event == "c_return" and frame.f_code.co_filename.endswith("reentrancy.py"):
            handled.append(argument)
            with timer:
                pass

    with timer:
        time.sleep(0.02)
        sys.setprofile(handle)
        try:
            with timer:
                pass
        finally:
            sys.setprofile(None)
    found = cell(live, "timer", "t")
    assert found["count"] == 2 + len(handled) > 2
    assert found["last"] == found["max"] >= 20 * MS
    assert problems(live) == {}
