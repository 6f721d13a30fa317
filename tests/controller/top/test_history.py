"""What was seen before: curves, and rates of sums."""

import json

import pytest

from waggle_live_controller import PluginIdentity
from waggle_live_controller.top.history import (
    LENGTH,
    STEP,
    History,
    key_of,
    read_past,
    sparkline,
)


def test_a_sum_has_a_rate_from_the_second_poll_on():
    """Over the last 10 s, whatever the polls' distance."""
    history = History()
    assert history.per_second("a", 0.0, 100) is None
    assert history.per_second("a", 2.0, 110) == 5
    for second in range(3, 60):
        history.per_second("a", float(second), 110)
    assert history.per_second("a", 60.0, 110) == 0


def test_a_sum_that_fell_or_is_unknown_begins_anew():
    """A restart is no negative rate, and a gap is not bridged."""
    history = History()
    history.per_second("a", 0.0, 100)
    assert history.per_second("a", 1.0, 1) is None
    assert history.per_second("a", 2.0, 3) == 2
    assert history.per_second("a", 3.0, None) is None
    assert history.per_second("a", 4.0, 5) is None
    assert history.per_second("a", 4.0, 5) is None


def test_values_are_bounded_and_forgotten():
    """Ten minutes of those that are still there, a value for each 5 s."""
    history = History()
    for value in range(LENGTH + 5):
        values = history.add("a", value * STEP, value)
    assert values == list(range(5, LENGTH + 5))
    history.add("b", 0.0, None)
    history.per_second("a", 0.0, 1)
    history.keep({"b"})
    assert history.add("a", 7.0, 1) == [1]
    assert history.add("b", 7.0, 2) == [None, 2]
    assert history.per_second("a", 1.0, 2) is None


def test_the_last_known_value_of_a_step_counts():
    """Polls are more frequent than steps, and one that fails takes nothing away."""
    history = History()
    for second, value in enumerate((1, 2, None, 3, None, None, 4)):
        values = history.add("a", float(second), value)
    assert values == [3, 4]


@pytest.mark.parametrize(
    ("interval", "distance", "values"),
    [(1.0, 10.0, [1, 2, 2]), (1.0, 20.0, [1, None, None, None, 2]), (20.0, 20.0, [1, 2, 2, 2, 2])],
)
def test_rare_polls_leave_no_gap_and_a_pause_does(interval, distance, values):
    """A curve has its time axis, whatever the interval of the polls."""
    history = History(interval)
    history.add("a", 0.0, 1)
    assert history.add("a", distance, 2) == values


@pytest.mark.parametrize(
    ("past", "values"),
    [
        ([1, 2, 3], [1, 2, 3, 7, 8]),
        ([1, None, 3], [1, None, 3, 7, 8]),
        ([], [7, 8]),
        (list(range(LENGTH)), [*range(2, LENGTH), 7, 8]),
    ],
)
def test_a_node_s_memory_stands_before_our_own(past, values):
    """Its last value is of the step before; what we saw ourselves stays."""
    history = History()
    history.add("a", 100.0, 7)
    history.add_past("a", 100.0, past)
    assert history.add("a", 105.0, 8) == values


def test_a_node_s_memory_fills_a_gap():
    """After a node was away, or before the first poll of a series."""
    history = History()
    history.add("a", 100.0, 1)
    history.add("a", 130.0, 9)
    history.add_past("a", 131.0, [5, 6, 7, 8])
    assert history.add("a", 132.0, 9) == [1, None, 5, 6, 7, 8, 9]
    history.add_past("b", 131.0, [5, 6])
    assert history.add("b", 132.0, 3) == [5, 6, 3]


PLUGIN = {"plugin": "yolo", "plugin_task": "detect", "plugin_job": "17"}


def past(*series, **more):
    """Return the answer of a node."""
    whole = {"now": 1.0, "step": 5, "plugins": [{**PLUGIN, "series": list(series)}], **more}
    return json.dumps(whole).encode("utf-8")


def test_a_node_s_memory_is_read_by_series():
    """Of each kind, with its labels; what is no number is a gap."""
    timer = {"kind": "timer", "name": "a", "labels": {"x": "y"}, "values": [1, None, "2", 1e400]}
    cpu = {"kind": "cpu", "name": "", "labels": {}, "values": [0.5] * 200}
    identity = PluginIdentity("yolo", "detect", "17")
    assert read_past("http://n", past(timer, cpu)) == {
        key_of("http://n", identity, "timer", "a", {"x": "y"}): [1, None, None, None],
        key_of("http://n", identity, "cpu"): [0.5] * LENGTH,
    }


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"step": 5}', past({}), past(step=5, plugins=1)]
)
def test_what_is_no_memory_is_an_error(body):
    """One that is caught: curves then begin now."""
    with pytest.raises(ValueError):
        read_past("http://n", body)


def test_steps_of_another_length_are_left_out():
    """They would stand at the wrong times."""
    assert read_past("http://n", past(step=10)) == {}


@pytest.mark.parametrize(
    ("values", "width", "text"),
    [
        ([0, 1, 2, 4, 7, 8], 6, "▁▂▃▅██"),
        ([100, 101, 102], 3, "▁▅█"),
        ([5, 5], 4, "  ▄▄"),
        ([0.3, 0.1 + 0.2, 1.234568e8, 123456789.123], 2, "▄▄"),  # kept in fewer digits
        ([0.3, 0.1 + 0.2], 2, "▄▄"),
        ([0, 1e-300], 2, "▄▄"),
        ([-1.7e308, 1.7e308], 2, "▁█"),
        ([0, 0], 2, "▁▁"),
        ([None, 1, None, 2], 4, " ▁ █"),
        ([-4, 0, 4], 3, "▁▅█"),
        ([1, 2, 4], 2, "▁█"),
        ([None], 1, " "),
        ([], 3, "   "),
        ([1], 0, ""),
    ],
)
def test_a_curve_has_its_own_range_and_shows_gaps(values, width, text):
    """From the least to the largest of what is shown; what is not known is empty and not low."""
    assert sparkline(values, width) == text
