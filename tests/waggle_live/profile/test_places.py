"""Which functions get one of a limited number of places."""

import pytest

from waggle_live.profile.places import admit

pytestmark = pytest.mark.oldest_and_newest


def admitted(costs, room, limit=4, all_places=False):
    """Return the costs of those that get a place."""
    found = admit(costs, int, room=room, limit=limit, total=sum(costs), all_places=all_places)
    return list(found)


def test_the_most_expensive_come_first():
    """As many as there is room for."""
    assert admitted([1, 50, 40], room=2, limit=2) == [50, 40]
    assert admitted([1, 50, 40], room=0) == []


def test_half_of_the_places_are_kept_for_one_per_cent():
    """Until nothing more comes: a program's start would take all of them."""
    cheap = [1] * 500
    assert admitted(cheap, room=4) == [1, 1]
    assert admitted([*cheap, 600], room=4) == [600, 1]
    assert admitted([*cheap, 600], room=2) == [600]
    assert admitted(cheap, room=4, all_places=True) == [1, 1, 1, 1]
