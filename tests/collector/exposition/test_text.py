"""Numbers and labels as Prometheus clients write them."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.utils import floatToGoString

from waggle_live_collector.exposition.text import escape, label_text, number


@given(st.floats() | st.integers(-(2**70), 2**70))
def test_numbers_are_written_as_prometheus_client_does(value):
    """Every float and every integer, the infinities and NaN."""
    assert number(value).decode() == floatToGoString(value)


def test_numbers_at_the_edges():
    """Where the exponent form begins, and signs of zero."""
    for value in (0.0, -0.0, 999999.0, 999999.9999999999, 1e6, 1e16, 1e22, 1e-5, 5e-324):
        assert number(value).decode() == floatToGoString(value)


def test_labels_are_sorted_and_escaped():
    """Backslash, quote and newline can't end a label value."""
    assert label_text([("b", 'say "x"\n'), ("a", "\\n")]) == b'a="\\\\n",b="say \\"x\\"\\n"'
    assert escape("\\") == "\\\\"
