"""Numbers and labels in the text."""

import re

from hypothesis import given
from hypothesis import strategies as st

from waggle_live_collector.exposition.text import escape, label_text, number_texts

#: What Go's strconv.ParseFloat, Python's float and OpenMetrics all read.
NUMBER = re.compile(rb"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?|NaN|[+-]Inf")


@given(st.lists(st.floats(), min_size=1))
def test_numbers_are_read_as_they_were(values):
    """Every float, NaN and the infinities among them, whatever stands beside it."""
    texts = number_texts(values)
    assert all(NUMBER.fullmatch(text) for text in texts)
    read = [float(text) for text in texts]
    assert list(map(repr, read)) == list(map(repr, values))


def test_small_whole_numbers_have_a_point():
    """As prometheus_client writes them, for people who look for a line by its text."""
    assert number_texts([0.0, 1.0, 999999.0, 0.1]) == [b"0.0", b"1.0", b"999999.0", b"0.1"]


def test_labels_are_sorted_and_escaped():
    """Backslash, quote and newline can't end a label value."""
    assert label_text([("b", 'say "x"\n'), ("a", "\\n")]) == b'a="\\\\n",b="say \\"x\\"\\n"'
    assert escape("\\") == "\\\\"
