"""demo/samples.py: just enough of the Prometheus text format."""

import math

import pytest

from demo import samples

TEXT = r"""# HELP waggle_value An author's gauge.
# TYPE waggle_value gauge
waggle_value{plugin="p",name="cars"} 3
waggle_value{name="odd",text="a \"b\" \\ c\nd, e=\"f\"} 1"} +Inf

up 1.5e-3 1700000000
"""


def test_samples_are_read_with_labels_escapes_and_odd_numbers():
    """Comments and empty lines are skipped; labels are unescaped; timestamps are let go."""
    assert list(samples.parse(TEXT)) == [
        ("waggle_value", {"plugin": "p", "name": "cars"}, 3.0),
        ("waggle_value", {"name": "odd", "text": 'a "b" \\ c\nd, e="f"} 1'}, math.inf),
        ("up", {}, 0.0015),
    ]


def test_what_is_no_sample_is_an_error():
    """A page of some other server is not taken for a table without rows."""
    with pytest.raises(ValueError, match="html"):
        list(samples.parse("<html> <p>"))


def test_nobody_there_is_none():
    """A port where nobody listens reads as nothing, not as an error."""
    assert samples.get("http://127.0.0.1:9/metrics", timeout=0.5) is None
