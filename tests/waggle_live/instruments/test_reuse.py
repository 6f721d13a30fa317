"""Timers and spans that are given out again, never while anybody has them."""

import sys
import time

import pytest

from waggle_live.instruments import timer as spans

from ..helpers import MS, cell, in_threads, problems


@pytest.mark.skipif(not spans.IS_COUNTED, reason="references are not counted here")
def test_given_out_again_once_nobody_has_it(live):
    """One block after the other is measured by one object, with labels too, and so are spans."""
    for labels in ({}, {"a": "x"}):
        live.timer("t", **labels)
        assert len({id(live.timer("t", **labels).__enter__()) for _ in range(3)}) == 1
    timer = live.timer("t")
    assert len({id(timer.start()) for _ in range(3)}) == 1


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
    live.timer("t")
    live.timer("t").__enter__()
    time.sleep(0.02)
    with live.timer("t") as timer:
        assert timer._series.overlaps.starts == {}
    assert cell(live, "timer", "t")["count"] == 1
    assert cell(live, "timer", "t")["sum"] < 20 * MS


def test_made_while_a_debugger_looks(live):
    """Spans of a series that was made under a tracer that reads all variables are never shared."""

    def look(frame, event, argument):
        # Up to Python 3.12 the frame keeps the copy that is made of them here.
        return look if frame.f_locals is not None else None

    def make():
        sys.settrace(look)
        live.timer("t")

    in_threads(1, make)  # whose tracer ends with it
    timer = live.timer("t")
    assert timer.start() is not timer.start()
    kept = timer.start()
    assert timer.start() is not kept


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
