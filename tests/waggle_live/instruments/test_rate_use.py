"""A rate's first use, which settles what it is, is whole."""

from ..helpers import MS, cell


def test_the_first_tick_by_keyword(live):
    """``tick(n=5)`` is five events as the first use too."""
    live.rate("r").tick(n=5)
    live.rate("r").tick(n=2)
    assert cell(live, "rate", "r")["count"] == 7


def test_the_first_duration_by_keyword(live):
    """``observe(seconds=0.5)`` is recorded as the first use too."""
    live.rate("r").observe(seconds=0.5)
    found = cell(live, "rate", "r")
    assert (found["count"], found["sum"]) == (1, 500 * MS)
