"""The sum that never falls."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from waggle_live_collector.table.exact_sum import ExactSum

VALUES = st.floats(min_value=0, max_value=1e300)


@given(st.lists(VALUES, max_size=30))
def test_it_is_the_correctly_rounded_true_sum(values):
    """In any order, of any magnitudes."""
    total = ExactSum()
    for value in values:
        total.add(value)
    assert total.value() == float(sum(map(Fraction, values)))


@given(st.lists(st.tuples(st.integers(0, 3), VALUES), max_size=40))
def test_it_never_falls_while_no_addend_falls(steps):
    """Each addend only rises; so does what is read, bit for bit."""
    total, addends, shown = ExactSum(), [0.0] * 4, 0.0
    for index, rise in steps:
        new = min(addends[index] + rise, 1e300)
        total.change(addends[index], new)
        addends[index] = new
        assert total.value() >= shown
        shown = total.value()


@given(st.lists(VALUES, max_size=20))
def test_its_parts_restore_it(values):
    """The state file keeps the parts."""
    total = ExactSum()
    for value in values:
        total.add(value)
    assert ExactSum(list(total.parts)).value() == total.value()


def test_what_is_taken_away_leaves_nothing():
    """Exactly zero remains, in no parts at all."""
    total = ExactSum()
    for value in (0.1, 1e300, 0.2):
        total.add(value)
    for value in (-0.2, -1e300, -0.1):
        total.add(value)
    assert total.value() == 0
    assert total.parts == []
