"""The sum that never falls."""

from fractions import Fraction
from math import fsum

from hypothesis import given
from hypothesis import strategies as st

from waggle_live_collector.table.exact_sum import add, change

VALUES = st.floats(min_value=0, max_value=1e300)


@given(st.lists(VALUES, max_size=30))
def test_it_is_the_correctly_rounded_true_sum(values):
    """In any order, of any magnitudes."""
    parts = []
    for value in values:
        add(parts, value)
    assert fsum(parts) == float(sum(map(Fraction, values)))


@given(st.lists(st.tuples(st.integers(0, 3), VALUES), max_size=40))
def test_it_never_falls_while_no_addend_falls(steps):
    """Each addend only rises; so does what is read, bit for bit."""
    parts, addends, shown = [], [0.0] * 4, 0.0
    for index, rise in steps:
        new = min(addends[index] + rise, 1e300)
        change(parts, addends[index], new)
        addends[index] = new
        assert fsum(parts) >= shown
        shown = fsum(parts)


def test_what_is_taken_away_leaves_nothing():
    """Exactly zero remains, in no parts at all."""
    parts = []
    for value in (0.1, 1e300, 0.2):
        add(parts, value)
    for value in (-0.2, -1e300, -0.1):
        add(parts, value)
    assert fsum(parts) == 0
    assert parts == []
