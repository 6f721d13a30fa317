"""The state of a timer: its figures, however its durations are batched."""

import pytest

from waggle_live.series.timer import TimerState

from ..helpers import taken


def test_many_equal_durations():
    """A batch of few different durations makes the figures that it makes one by one."""
    values = [100, 7, 2**40] * 40 + [100]
    batch, single = TimerState("t"), TimerState("t")
    batch.buffer.extend(values)
    for value in values:
        single.append(value)
        single.fold()
    found, expected = taken(batch), taken(single)
    for figure in ("count", "sum", "min", "max", "last", "buckets"):
        assert found[figure] == expected[figure]


def test_negative_among_equal_durations():
    """A duration that confused threads made negative is 0, among many equal ones too."""
    state = TimerState("t")
    state.buffer.extend([100] * 60 + [-5])
    found = taken(state)
    assert (found["count"], found["sum"], found["min"], found["last"]) == (61, 6000, 0, 0)


class Cancelled(BaseException):
    """Called as trio's, which is known by its name."""


@pytest.mark.parametrize("error, failures", [(KeyError, 1), (GeneratorExit, 0), (Cancelled, 0)])
def test_failures(error, failures):
    """An error is a failure, an exception that only ends a block early is none."""
    state = TimerState("t")
    state.fail(error)
    state.append(5)
    assert taken(state)["failures"] == failures
