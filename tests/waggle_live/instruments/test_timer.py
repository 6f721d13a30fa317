"""Timers as blocks and as explicit spans."""

import threading
import time
from concurrent.futures import CancelledError
from decimal import Decimal
from fractions import Fraction

import pytest

from waggle_live.wire.errors import InvalidMetric, InvalidType

from ..helpers import MS, Scalar, Stopwatch, cell, clock, in_threads, last, problems


def test_a_block_is_measured(live):
    """A block's duration is its time on the clock, in nanoseconds."""
    watch = Stopwatch()
    with watch.outside(), live.timer("t"), watch.inside():
        time.sleep(0.05)
    found = cell(live, "timer", "t")
    watch.check(found)
    assert found["count"] == 1
    assert found["sum"] >= 50 * MS
    assert found["sum"] == found["min"] == found["max"] == found["last"]
    assert found["failures"] == 0
    assert [count for _, count in found["buckets"]] == [1]


def test_all_figures_agree(live):
    """Count, sum, min, max, last and buckets are of the same durations."""
    watch = Stopwatch()
    for pause in (0.002, 0.02, 0.005):
        with watch.outside(), live.timer("t"), watch.inside():
            time.sleep(pause)
    found = cell(live, "timer", "t")
    watch.check(found)
    watch.check_one(found["last"], last)
    assert found["count"] == 3
    assert found["min"] >= 2 * MS
    assert found["max"] >= 20 * MS
    assert found["last"] >= 5 * MS
    assert sum(count for _, count in found["buckets"]) == 3


def test_clock_starts_at_the_block(live):
    """The clock starts at ``__enter__``, not when the timer is made."""
    timer, watch = live.timer("t"), Stopwatch()
    time.sleep(0.05)
    with watch.outside(), timer, watch.inside():
        pass
    watch.check(cell(live, "timer", "t"))


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(3)])
def test_a_block_that_raises(live, error):
    """A block that raises is timed, counted as a failure, and its exception goes on unchanged."""
    with pytest.raises(type(error)) as caught:
        with live.timer("t"):
            raise error
    assert caught.value is error
    assert error.__cause__ is None
    assert error.__context__ is None
    found = cell(live, "timer", "t")
    assert (found["count"], found["failures"]) == (1, 1)


@pytest.mark.parametrize("kind", [CancelledError, GeneratorExit, "asyncio"])
def test_endings_are_no_failures(live, kind):
    """A cancelled block or a closed generator is timed and no failure."""
    if kind == "asyncio":
        from asyncio import CancelledError as kind
    with pytest.raises(kind):
        with live.timer("t"):
            raise kind
    found = cell(live, "timer", "t")
    assert (found["count"], found["failures"]) == (1, 0)


def test_nested_blocks(live):
    """Blocks of one name in each other: the outer's time holds the inner's."""
    watch = Stopwatch()
    with watch.outside(), live.timer("t"), watch.inside():
        with watch.outside(), live.timer("t"), watch.inside():
            time.sleep(0.02)
        time.sleep(0.02)
    found = cell(live, "timer", "t")
    watch.check(found)
    assert found["count"] == 2
    assert found["last"] == found["max"] >= 40 * MS


def test_start_and_stop(live):
    """Spans run side by side, each with its own clock, in any order of stopping."""
    timer = live.timer("t")
    before_first = clock()
    first = timer.start()
    time.sleep(0.02)
    before_second = clock()
    second = timer.start()
    time.sleep(0.02)
    first.stop()
    after_first = clock()
    time.sleep(0.01)
    second.stop()
    after_second = clock()
    found = cell(live, "timer", "t")
    assert found["count"] == 2
    assert 30 * MS <= found["last"] <= after_second - before_second
    assert 40 * MS <= found["sum"] - found["last"] <= after_first - before_first


def test_stop_in_another_thread(live):
    """A span may be stopped by a thread that didn't start it."""
    watch = Stopwatch()
    with watch.outside():
        span = live.timer("t").start()
        with watch.inside():
            time.sleep(0.02)
        thread = threading.Thread(target=span.stop)
        thread.start()
        thread.join()
    watch.check(cell(live, "timer", "t"))


def test_double_stop(live, caplog):
    """A second stop records nothing, is counted each time, and logged once."""
    span = live.timer("t").start()
    for _ in range(3):
        span.stop()
    assert cell(live, "timer", "t")["count"] == 1
    assert problems(live) == {"unmatched_stop": 2}
    assert len(caplog.records) == 1
    assert "stopped twice" in caplog.text


def test_exit_without_enter(live):
    """A timer left without being entered records nothing and is counted once."""
    live.timer("t").__exit__(None, None, None)
    assert cell(live, "timer", "t")["count"] == 0
    assert problems(live) == {"unmatched_stop": 1}


@pytest.mark.parametrize("seconds", [0.25, Decimal("0.25"), Fraction(1, 4), Scalar(0.25)])
def test_observe(live, seconds):
    """A duration measured elsewhere is one of the series, in seconds of any type of number."""
    with live.timer("t"):
        pass
    live.timer("t").observe(seconds)
    live.timer("t").observe(0)
    live.timer("t").observe(True)
    found = cell(live, "timer", "t")
    assert (found["count"], found["max"], found["last"]) == (4, 1000 * MS, 1000 * MS)
    assert found["sum"] >= 1250 * MS
    assert found["failures"] == 0


@pytest.mark.parametrize(
    "seconds, error, rule",
    [
        (-0.1, InvalidMetric, "0 to 1e.09 seconds, got -0.1"),
        (1e10, InvalidMetric, "got 10000000000.0"),
        (float("nan"), InvalidMetric, "got nan"),
        (float("inf"), InvalidMetric, "got inf"),
        (10**400, InvalidMetric, "too large"),
        ("0.1", InvalidType, "got str: '0.1'"),
        (None, InvalidType, "got NoneType"),
        (1j, InvalidType, "got complex"),
    ],
)
def test_observe_of_what_is_no_duration(live, seconds, error, rule):
    """What is no number, negative or endless raises at the call and records nothing."""
    with pytest.raises(error, match=rule):
        live.timer("t").observe(seconds)
    assert cell(live, "timer", "t")["count"] == 0


def test_labels_make_series(live):
    """Each set of labels is a series; order and type of equal labels make none."""
    for labels in ({}, {"a": "x"}, {"a": "x", "b": 1}, {"b": "1", "a": "x"}, {"a": 1}, {"a": True}):
        for _ in range(2):
            with live.timer("t", **labels):
                pass
    assert cell(live, "timer", "t")["count"] == 2
    assert cell(live, "timer", "t", a="x")["count"] == 2
    assert cell(live, "timer", "t", a="x", b="1")["count"] == 4
    assert cell(live, "timer", "t", a="1")["count"] == 2
    assert cell(live, "timer", "t", a="True")["count"] == 2
    assert cell(live, "timer", "t", a="x")["labels"] == {"a": "x"}


@pytest.mark.parametrize("name", ["A", "a b", "", "__x", "x" * 129])
def test_bad_names_raise_at_the_call(live, name):
    """A bad name raises when the instrument is asked for, whatever kind."""
    for make in (live.timer, live.rate, live.gauge, live.counter, live.start_timer):
        with pytest.raises(InvalidMetric):
            make(name)
    assert live._registry.states() == []


@pytest.mark.parametrize("name", [None, 3, ["a"], b"a"])
def test_names_of_wrong_type_raise_at_the_call(live, name):
    """A name that is no str is a TypeError with the rule."""
    for make in (live.timer, live.rate, live.gauge, live.counter, live.start_timer):
        with pytest.raises(InvalidType, match="must be a str"):
            make(name)


def test_bad_labels_raise_at_the_call(live):
    """A bad label raises when the instrument is asked for, each time."""
    for _ in range(2):
        with pytest.raises(InvalidMetric, match="'le'"):
            live.timer("t", le="1")
        with pytest.raises(InvalidType, match="'a'"):
            live.counter("c", a=None)
        with pytest.raises(InvalidMetric):
            live.rate("r", sync="x")
    assert live._registry.states() == []


def test_hot_loop_past_the_fold(live):
    """A loop that nobody folds stays bounded and exact."""
    from waggle_live.series.state import FOLD_AT

    for _ in range(3 * FOLD_AT + 17):
        with live.timer("t"):
            pass
    assert len(live._registry.states()[0].buffer) <= FOLD_AT + 1
    assert cell(live, "timer", "t")["count"] == 3 * FOLD_AT + 17


def test_spans_in_flight_are_never_the_same(live):
    """A span is given out again only once nobody has it, stopped or not."""
    timer, before = live.timer("t"), clock()
    kept = [timer.start() for _ in range(3)]
    kept[0].stop()
    first = clock() - before
    kept.append(timer.start())
    assert len({id(span) for span in kept}) == 4
    time.sleep(0.02)
    kept[0].stop()  # it is stopped already, whatever started since
    for span in kept[1:]:
        span.stop()
    found = cell(live, "timer", "t")
    assert found["count"] == 4
    assert found["max"] >= 20 * MS
    assert found["min"] <= first
    assert problems(live) == {"unmatched_stop": 1}


def test_spans_of_threads_in_a_storm(live, fast_switching):
    """Threads that start and stop spans all the time never get each other's."""
    timer = live.timer("t")

    def work():
        for _ in range(3000):
            first = timer.start()
            second = timer.start()
            assert first is not second
            first.stop()
            second.stop()

    in_threads(8, work)
    assert cell(live, "timer", "t")["count"] == 8 * 6000
    assert problems(live) == {}


def test_blocks_of_threads_in_a_storm(live, fast_switching):
    """Threads that time blocks by name all the time never get in each other's way."""

    def work():
        for _ in range(3000):
            with live.timer("t"), live.timer("t"):
                pass

    in_threads(8, work)
    assert cell(live, "timer", "t")["count"] == 8 * 6000
    assert problems(live) == {}
