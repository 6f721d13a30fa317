"""States of series: nothing is lost in a fold, whoever folds and whatever interrupts it."""

import gc
import sys
import threading
import time

import pytest

from waggle_live.claim import Owner
from waggle_live.series.counter import CounterState
from waggle_live.series.gauge import GaugeState
from waggle_live.series.rate import RateState
from waggle_live.series.state import FOLD_AT
from waggle_live.series.timer import TimerState
from waggle_live.wire.protocol import encode

from ..helpers import ROOT, environment, run_python, taken


@pytest.mark.parametrize("make", [TimerState, RateState, GaugeState, CounterState])
def test_a_new_cell_is_empty_and_changed(make):
    """A series that was only declared is sent once, at zero."""
    state = make("x")
    assert state.changed
    found = taken(state)
    assert found["name"] == "x"
    assert found.get("count", 0) == 0
    assert found.get("value", 0) == 0
    assert "min" not in found
    assert "last" not in found
    assert "labels" not in found
    assert not state.changed
    encode(found)


def test_a_cell_is_the_json_of_its_values():
    """Each kind's text is one JSON object with just the fields of the wire, whatever the labels."""
    labels = (("a", 'quote " and \\ and \n'), ("b", "\u00e4\u20ac\U0001f41d"))
    timer = TimerState("t", labels)
    timer.fail(ValueError)
    for value in (1000, 3000, 1000):
        timer.append(value)
    rate = RateState("r")
    rate.append(5)
    rate.append(25)
    blocks = RateState("b")
    blocks.blocks = True
    blocks.append(7)
    whole, fraction = CounterState("c"), CounterState("f")
    whole.append(10**25)
    fraction.append(0.1)
    gauge = GaugeState("g")
    gauge.append((0, -1.5e-300))
    nan = GaugeState("n")
    nan.append((0, float("nan")))
    of_timer = {"count": 3, "sum": 5000, "failures": 1, "min": 1000, "max": 3000, "last": 1000}
    expected = [
        (timer, dict(of_timer, labels=dict(labels), buckets=[[-159, 2], [-146, 1]])),
        (rate, {"count": 2, "last": 20}),
        (blocks, {"count": 1, "sum": 7, "last": 7}),
        (whole, {"value": 10**25}),
        (fraction, {"value": 0.1}),
        (gauge, {"value": -1.5e-300}),
        (nan, {"value": "NaN"}),
        (_Nameless(""), {"value": 0}),
    ]
    for state, fields in expected:
        found = taken(state)
        assert found.pop("age") >= 0
        assert found.pop("kind") == state.kind
        assert found.pop("name", "") == state.name
        assert found == fields


class _Nameless(CounterState):
    kind = "uploads"


def test_changed_follows_what_is_recorded():
    """A state is changed from a fold of something to the taking of it."""
    state = CounterState("c")
    state.take()
    assert state.fold()
    assert not state.changed
    state.append(1)
    state.fold()
    assert state.changed
    state.take()
    assert not state.changed


def test_age_is_since_the_last_change():
    """``age`` says how long ago the state changed, not when it was sent."""
    state = TimerState("t")
    state.append(1)
    before = time.monotonic()
    state.fold()
    after = time.monotonic()
    for _ in range(2):
        time.sleep(0.05)
        least = time.monotonic() - after
        age = taken(state)["age"]
        # To a microsecond, to which it is rounded.
        assert least - 1e-6 <= age <= time.monotonic() - before + 1e-6
    gauge = GaugeState("g")
    gauge.append((time.perf_counter_ns() if hasattr(time, "perf_counter_ns") else 0, 2.0))
    assert taken(gauge)["value"] == 2.0


def test_state_is_not_consumed_by_taking():
    """Taking twice gives the same cumulative state."""
    state = TimerState("t")
    for value in (5, 3, 4):
        state.append(value)
    first, second = taken(state), taken(state)
    first.pop("age")
    second.pop("age")
    assert first == second
    assert (first["count"], first["sum"], first["min"], first["max"], first["last"]) == (
        (3, 12, 3, 5, 4)
    )


def test_who_finds_the_state_claimed_leaves_it():
    """A fold that meets another's never waits, and loses nothing."""
    state = CounterState("c")
    state.append(1)
    owner = Owner()
    assert state.claim.take(owner)
    assert state.fold() is False
    assert state.take() is None
    assert state.end(0.01) is None
    state.append(1)
    owner.is_done = True
    assert taken(state)["value"] == 2


def test_reset_starts_at_zero_with_a_new_buffer():
    """In a forked child: what goes to the old buffer is nobody's, even if the state was claimed."""
    state = TimerState("t")
    old = state.append
    old(5)
    state.fold()
    owner = Owner()
    assert state.claim.take(owner)
    state.reset()
    old(7)
    state.append(9)
    found = taken(state)
    assert (found["count"], found["sum"]) == (1, 9)


def run_all(threads):
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("folders", [1, 4])
def test_many_threads_and_folders_are_exact(fast_switching, folders):
    """Count and sum are exact with threads appending, folding and taking all at once."""
    timer, counter, gauge, rate = (
        TimerState("t"),
        CounterState("c"),
        GaugeState("g"),
        RateState("r"),
    )
    done = threading.Event()
    per_thread = 20000

    def record(offset):
        for i in range(per_thread):
            timer.append(offset + i)
            counter.append(i)
            gauge.append((0, 1.0, True))
            rate.append(i)
            if len(timer.buffer) > FOLD_AT:
                timer.fold()

    def fold():
        while not done.is_set():
            for state in (timer, counter, gauge, rate):
                state.fold()
                state.take()

    helpers = [threading.Thread(target=fold) for _ in range(folders)]
    for helper in helpers:
        helper.start()
    run_all([threading.Thread(target=record, args=(1000 * i,)) for i in range(4)])
    done.set()
    for helper in helpers:
        helper.join()
    values = [1000 * offset + i for offset in range(4) for i in range(per_thread)]
    found = taken(timer)
    assert (found["count"], found["sum"]) == (len(values), sum(values))
    assert (found["min"], found["max"]) == (0, max(values))
    assert sum(count for _, count in found["buckets"]) == len(values)
    assert taken(counter)["value"] == 4 * sum(range(per_thread))
    assert taken(gauge)["value"] == 4 * per_thread
    assert taken(rate)["count"] == 4 * per_thread


def test_interrupts_in_the_middle_of_folds():
    """However often a signal handler raises inside of folds, each value counts exactly once."""
    environ = environment()
    environ.pop("COVERAGE_PROCESS_START", None)
    environ.pop("COVERAGE_PROCESS_CONFIG", None)
    status, out, err = run_python(
        "-m", "tests.waggle_live.storm", "0.5", env=environ, cwd=str(ROOT)
    )
    assert (status, err) == (0, "")
    assert len(out.splitlines()) == 4
    assert all(int(line.split()[1]) > 100 for line in out.splitlines()), out


def test_folding_inside_of_a_fold():
    """A signal handler, GC callback or ``__del__`` that records and folds in a fold is counted."""
    state = TimerState("t")
    inside = []

    def on_collection(phase, info):
        if phase == "start":
            inside.append(state.fold())
            state.append(3)

    class Recorder:
        def __del__(self):
            state.append(3)
            inside.append(state.fold())

    before = gc.get_threshold()
    gc.callbacks.append(on_collection)
    gc.set_threshold(1)
    try:
        for _ in range(200):
            state.append(3)
            loop = [Recorder()]
            loop.append(loop)
            del loop
            state.fold()
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(on_collection)
    gc.collect()
    found = taken(state)
    assert found["count"] == 200 + len(inside)
    assert found["sum"] == 3 * found["count"]


def test_trace_functions_may_record():
    """Recording from a trace function, at every line of a fold, deadlocks nothing."""
    state = CounterState("c")
    lines = []

    def trace(frame, event, argument):
        if "series" in frame.f_code.co_filename:
            lines.append(state.fold())
            state.append(1)
        return trace

    state.append(1)
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        state.fold()
    finally:
        sys.settrace(before)
    assert len(lines) > 3
    assert taken(state)["value"] == 1 + len(lines)


def test_errors_of_a_signal_handler_are_not_ours_to_swallow():
    """A RuntimeError that a handler raises in the middle of a fold goes on, wherever it comes."""
    raised = 0
    for at in range(1, 40):
        state = CounterState("c")
        state.append(1)
        seen = [0]

        def trace(frame, event, argument, at=at, seen=seen):
            if "series" in frame.f_code.co_filename:
                seen[0] += 1
                if seen[0] == at:
                    raise RuntimeError("the author's")
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            state.fold()
        except RuntimeError:
            raised += 1
        finally:
            sys.settrace(before)
        assert seen[0] < at or raised == at
        assert taken(state)["value"] == 1
    assert raised > 10
