"""The short form of ``make soak``."""

from .soak import HOLD_SECONDS, Soak

SECONDS, KILLS = 10, 4


def test_plugins_come_and_go_and_the_collector_dies_and_all_comes_back(make_collector):
    """Exact counts, nothing falls, and nothing is left behind on either side."""
    soak = Soak(make_collector(hold_time=HOLD_SECONDS))
    soak.run(SECONDS, KILLS)
    assert soak.kills == KILLS
