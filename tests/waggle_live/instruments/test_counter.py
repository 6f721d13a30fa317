"""Counters: increments add up, exactly, and only rise."""

import math
import sys
import threading
from decimal import Decimal

import pytest

from waggle_live.series.state import FOLD_AT
from waggle_live.wire.errors import InvalidMetric
from waggle_live.wire.protocol import encode

from ..helpers import Scalar, cell


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
    """A sum that no float holds is told as the largest that the wire takes, and breaks no fold."""
    counter = live.counter("c")
    for _ in range(3):
        counter.inc(sys.float_info.max)
    counter.inc(0.5)
    assert cell(live, "counter", "c")["value"] == 1e300
    counter.inc(1)
    whole = live.counter("whole")
    for _ in range(3):
        whole.inc(int(sys.float_info.max))
    whole.inc(0.5)
    for found in (cell(live, "counter", "c"), cell(live, "counter", "whole")):
        assert float(found["value"]) == 1e300
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
        live._registry.states() and [c.fold() for c in live._registry.states()]
    assert cell(live, "gauge", "g")["value"] == 4 * per_thread
    assert cell(live, "counter", "c")["value"] == 4 * per_thread
