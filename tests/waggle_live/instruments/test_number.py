"""What instruments take as a number, and the errors for what is none."""

from decimal import Decimal
from fractions import Fraction

import pytest

from waggle_live.wire.errors import InvalidMetric, InvalidType

from ..helpers import Scalar, cell

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
