"""Numbers and labels as Prometheus clients write them."""

import math

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.utils import floatToGoString

from waggle_live_collector.exposition.text import escape, label_text, number, number_texts


@given(st.floats() | st.integers(-(2**70), 2**70))
def test_numbers_are_written_as_prometheus_client_does(value):
    """Every float and every integer, the infinities and NaN."""
    assert number(value).decode() == floatToGoString(value)


def test_numbers_at_the_edges():
    """Where the exponent form begins, and signs of zero."""
    for value in (0.0, -0.0, 999999.0, 999999.9999999999, 1e6, 1e16, 1e22, 1e-5, 5e-324):
        assert number(value).decode() == floatToGoString(value)


@given(st.lists(st.floats() | st.integers(0, 10**17).map(float), min_size=1))
def test_many_numbers_are_written_as_each_by_itself(values):
    """Whatever stands beside it."""
    assert number_texts(values) == [number(value) for value in values]


@given(st.lists(st.integers(10**12, 2 * 10**12), min_size=1))
def test_unix_times_are_written_as_any_number(milliseconds):
    """Whatever their zeros, and at the edges of what is written in a shorter way."""
    values = [each / 1000 for each in milliseconds]
    assert number_texts(values) == [number(value) for value in values]
    values.insert(1, math.nan)
    assert number_texts(values) == [number(value) for value in values]


def test_many_numbers_at_the_edges():
    """Where another way of writing begins, all at once and each by itself."""
    values = [0.0, -0.0, 1e-4, 9.999999999999999e-5, 999999.9999999999, 1e6, 1e9, 2e9, 1e16]
    values += [math.nextafter(1e9, 2e9), math.nextafter(2e9, 0.0), math.inf, -math.inf, math.nan]
    expected = [floatToGoString(value).encode() for value in values]
    assert number_texts(values) == expected
    assert [number_texts([value])[0] for value in values] == expected


def test_labels_are_sorted_and_escaped():
    """Backslash, quote and newline can't end a label value."""
    assert label_text([("b", 'say "x"\n'), ("a", "\\n")]) == b'a="\\\\n",b="say \\"x\\"\\n"'
    assert escape("\\") == "\\\\"
