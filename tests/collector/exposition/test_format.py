"""Numbers and labels as Prometheus clients write them."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.utils import floatToGoString

from waggle_live_collector.exposition.format import escape, label_text, number, template, timestamp


@given(st.floats() | st.integers(-(2**70), 2**70))
def test_numbers_are_written_as_prometheus_client_does(value):
    """Every float and every integer, the infinities and NaN."""
    assert number(value).decode() == floatToGoString(value)


def test_numbers_at_the_edges():
    """Where the exponent form begins, and signs of zero."""
    for value in (0.0, -0.0, 999999.0, 999999.9999999999, 1e6, 1e16, 1e22, 1e-5, 5e-324):
        assert number(value).decode() == floatToGoString(value)


@given(st.integers(0, 2 * 10**13) | st.integers(0, 10**10).map(lambda seconds: 1000 * seconds))
def test_timestamps_are_written_as_any_number(milliseconds):
    """A Unix time looks as it would otherwise, whatever its year and its zeros."""
    assert timestamp(milliseconds) == number(milliseconds / 1000)


def test_labels_are_sorted_and_escaped():
    """Backslash, quote and newline can't end a label value."""
    assert label_text([("b", 'say "x"\n'), ("a", "\\n")]) == 'a="\\\\n",b="say \\"x\\"\\n"'
    assert escape("\\") == "\\\\"


def test_percent_signs_in_labels_survive_templates():
    """A label value may look like a format."""
    assert template("m", [("a", "100%d %s")]) % b"1.0" == b'm{a="100%d %s"} 1.0\n'
