"""Gauges: set, inc, dec, and values that a function gives."""

import math

import pytest

from waggle_live.wire.errors import InvalidType

from ..helpers import Scalar, cell, problems, sample


def test_gauge(live):
    """set, inc and dec, in the order of the calls, over folds and objects."""
    gauge = live.gauge("g")
    assert cell(live, "gauge", "g")["value"] == 0
    gauge.set(3)
    gauge.inc()
    gauge.inc(2.5)
    assert cell(live, "gauge", "g")["value"] == 6.5
    live.gauge("g").dec()
    gauge.dec(0.5)
    assert cell(live, "gauge", "g")["value"] == 5
    gauge.set(1)
    gauge.set(2)
    gauge.inc(1)
    assert cell(live, "gauge", "g")["value"] == 3
    gauge.set(-7)
    assert cell(live, "gauge", "g")["value"] == -7


@pytest.mark.parametrize(
    "value, text", [(math.nan, "NaN"), (math.inf, "+Inf"), (-math.inf, "-Inf")]
)
def test_gauge_takes_what_is_not_finite(live, value, text):
    """NaN and infinities are values of a gauge."""
    live.gauge("g").set(value)
    assert cell(live, "gauge", "g")["value"] == text
    live.gauge("g").set(1)
    assert cell(live, "gauge", "g")["value"] == 1


def test_gauge_function(live, caplog):
    """The function's value is taken when cells are read, until it is None again."""
    values = iter([1, 2.5, Scalar(4)])
    live.gauge("g").set_function(lambda: next(values))
    for value in (1, 2.5, 4):
        sample(live)
        assert cell(live, "gauge", "g")["value"] == value
    sample(live)  # StopIteration
    assert cell(live, "gauge", "g")["value"] == 4
    assert problems(live) == {"record_error": 1}
    sample(live)
    assert problems(live) == {"record_error": 2}
    assert len(caplog.records) == 1
    assert "'g'" in caplog.text
    live.gauge("g").set_function(None)
    sample(live)
    assert problems(live) == {"record_error": 2}
    live.gauge("g").set_function(lambda: "x")
    sample(live)
    assert problems(live) == {"record_error": 3}
    with pytest.raises(InvalidType, match="function or None"):
        live.gauge("g").set_function(3)


def test_one_function_that_raises_costs_no_other(live):
    """A function that raises takes no value from its neighbours."""
    live.gauge("a").set_function(lambda: 1 // 0)
    live.gauge("b").set_function(lambda: 5)
    sample(live)
    assert cell(live, "gauge", "b")["value"] == 5


def test_gauge_functions_are_called_by_the_sender(listener, connect, caplog):
    """A gauge's function is called before each send; one that raises is logged once."""
    live = connect()
    count = iter(range(10**9))
    live.gauge("g").set_function(lambda: next(count))
    live.gauge("bad").set_function(lambda: 1 // 0)
    assert listener.wait_for(lambda seen: seen.total("gauge", "g") >= 5)
    assert listener.wait_for(lambda seen: seen.total("problem", "record_error") >= 3)
    assert len(caplog.records) == 1
