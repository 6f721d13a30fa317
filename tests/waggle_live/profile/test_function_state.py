"""The cell of a function."""

import json

import pytest

from waggle_live.profile.function_state import FunctionState

pytestmark = pytest.mark.oldest_and_newest


def cell(state):
    """Return the cell without its age."""
    taken = json.loads(state.take())
    del taken["age"]
    return taken


def test_the_newest_values_are_told_and_what_measured_them():
    """Values that are not measured are left out."""
    state = FunctionState("f", "tau")
    state.append((1, 10, 20, None))
    state.append((2, 11, 21, None))
    told = {"kind": "function", "name": "f", "labels": {"profiler": "tau"}}
    told.update(calls=2, exclusive=11, inclusive=21)
    assert cell(state) == told


def test_a_throttled_function_says_so():
    """Beside its values, so that the series stays the same."""
    state = FunctionState("f", "tau")
    state.throttled = True
    state.append((1, 10, 20, 5))
    assert cell(state)["throttled"] is True
    assert cell(state)["exclusive_cpu"] == 5
