"""Gauges and counters."""

import math
import sys
import threading
from decimal import Decimal
from fractions import Fraction

import pytest

from waggle_live.series.state import FOLD_AT
from waggle_live.wire.errors import InvalidMetric, InvalidType
from waggle_live.wire.protocol import encode

from ..helpers import cell, problems


class Scalar:
    """Like a NumPy scalar: no number by type, one by ``__float__``."""

    def __init__(self, value):
        self.value = value

    def __float__(self):
        return float(self.value)


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


NUMBERS = [1, 2.5, True, Scalar(3.5), Decimal("1.5"), Fraction(1, 2), -4, 10**300]


@pytest.mark.parametrize("value", NUMBERS)
def test_gauge_takes_what_float_takes(live, value):
    """Values are taken by ``float()``, and travel as floats."""
    gauge = live.gauge("g")
    gauge.set(value)
    found = cell(live, "gauge", "g")["value"]
    assert found == float(value)
    assert type(found) is float
    gauge.inc(value)
    gauge.dec(value)


@pytest.mark.parametrize(
    "value, text", [(math.nan, "NaN"), (math.inf, "+Inf"), (-math.inf, "-Inf")]
)
def test_gauge_takes_what_is_not_finite(live, value, text):
    """NaN and infinities are values of a gauge."""
    live.gauge("g").set(value)
    assert cell(live, "gauge", "g")["value"] == text
    live.gauge("g").set(1)
    assert cell(live, "gauge", "g")["value"] == 1


@pytest.mark.parametrize("value", [None, "1", b"1", [1], 1j, object(), "nan"])
def test_values_of_wrong_type(live, value):
    """What is no number is an error at the call: the name, the rule and the value in it."""
    for call in (
        live.gauge("the.name").set,
        live.gauge("the.name").inc,
        live.gauge("the.name").dec,
        live.counter("the.counter").inc,
    ):
        with pytest.raises(InvalidType, match="float") as caught:
            call(value)
        assert "the." in str(caught.value)
        assert type(value).__name__ in str(caught.value)
    assert cell(live, "gauge", "the.name")["value"] == 0
    assert cell(live, "counter", "the.counter")["value"] == 0


def test_too_large_for_a_float(live):
    """An int that no float holds is refused at the call."""
    for call in (live.gauge("g").set, live.gauge("g").inc, live.counter("c").inc):
        with pytest.raises(InvalidMetric):
            call(10**400)
    assert cell(live, "counter", "c")["value"] == 0


def test_gauge_function(live, caplog):
    """The function's value is taken when cells are read, until it is None again."""
    values = iter([1, 2.5, Scalar(4)])
    live.gauge("g").set_function(lambda: next(values))
    for value in (1, 2.5, 4):
        live._registry.call_functions()
        assert cell(live, "gauge", "g")["value"] == value
    live._registry.call_functions()  # StopIteration
    assert cell(live, "gauge", "g")["value"] == 4
    assert problems(live) == {"record_error": 1}
    live._registry.call_functions()
    assert problems(live) == {"record_error": 2}
    assert len(caplog.records) == 1
    assert "'g'" in caplog.text
    live.gauge("g").set_function(None)
    live._registry.call_functions()
    assert problems(live) == {"record_error": 2}
    live.gauge("g").set_function(lambda: "x")
    live._registry.call_functions()
    assert problems(live) == {"record_error": 3}
    with pytest.raises(InvalidType, match="function or None"):
        live.gauge("g").set_function(3)


def test_one_function_that_raises_costs_no_other(live):
    """A function that raises takes no value from its neighbours."""
    live.gauge("a").set_function(lambda: 1 // 0)
    live.gauge("b").set_function(lambda: 5)
    live._registry.call_functions()
    assert cell(live, "gauge", "b")["value"] == 5


def test_counter(live):
    """Increments add up, over folds and objects; integers exactly."""
    counter = live.counter("c")
    counter.inc()
    counter.inc(0)
    live.counter("c").inc(2**60)
    assert cell(live, "counter", "c")["value"] == 2**60 + 1
    counter.inc(1)
    found = cell(live, "counter", "c")["value"]
    assert found == 2**60 + 2
    assert type(found) is int


def test_counter_of_floats(live):
    """Floats add up with the rounding of one addition per batch."""
    counter = live.counter("c")
    for _ in range(10):
        counter.inc(0.1)
    assert cell(live, "counter", "c")["value"] == 1.0
    counter.inc(Scalar(0.5))
    counter.inc(True)
    counter.inc(Decimal("0.5"))
    assert cell(live, "counter", "c")["value"] == 3.0


@pytest.mark.parametrize(
    "amount", [-1, -0.5, math.nan, math.inf, -math.inf, Scalar(-1), -(10**400)]
)
def test_counter_only_rises(live, amount):
    """Negative and not finite amounts are errors at the call and change nothing."""
    with pytest.raises(InvalidMetric, match=r"only rises.*'c'|too large"):
        live.counter("c").inc(amount)
    assert cell(live, "counter", "c")["value"] == 0


def test_counter_at_the_end_of_floats(live):
    """A sum that no float holds stays at the largest, and never breaks a fold or a line."""
    counter = live.counter("c")
    for _ in range(3):
        counter.inc(sys.float_info.max)
    counter.inc(0.5)
    assert cell(live, "counter", "c")["value"] == sys.float_info.max
    counter.inc(1)
    whole = live.counter("whole")
    for _ in range(3):
        whole.inc(int(sys.float_info.max))
    whole.inc(0.5)
    for found in (cell(live, "counter", "c"), cell(live, "counter", "whole")):
        assert float(found["value"]) == sys.float_info.max
        encode(found)


def test_threads_are_exact(live, fast_switching):
    """inc and dec from many threads are exact while somebody folds."""
    per_thread = 2 * FOLD_AT

    def work():
        gauge, counter = live.gauge("g"), live.counter("c")
        for _ in range(per_thread):
            gauge.inc(3)
            gauge.dec(2)
            counter.inc()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        live._registry.cells() and [c.fold() for c in live._registry.cells()]
    assert cell(live, "gauge", "g")["value"] == 4 * per_thread
    assert cell(live, "counter", "c")["value"] == 4 * per_thread
