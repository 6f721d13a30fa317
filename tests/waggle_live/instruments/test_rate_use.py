"""A rate's first use, which settles what it is, is whole."""

from ..helpers import MS, cell

LARGEST = 2**63 - 1


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


def test_the_largest_sums(live):
    """Sums stay at the largest that the wire takes, so that their series is not refused."""
    for _ in range(10):
        live.timer("t").observe(1e9)
        live.rate("blocks").observe(1e9)
    for _ in range(1024):
        live.rate("ticks").tick(2**53)
    assert cell(live, "timer", "t")["sum"] == LARGEST
    assert cell(live, "rate", "blocks")["sum"] == LARGEST
    assert cell(live, "rate", "ticks")["count"] == LARGEST
