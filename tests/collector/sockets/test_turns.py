"""How the time of the event loop is shared out among those that make work."""

import pytest

from waggle_live_collector.sockets.turns import DEFAULT_WAIT_FACTOR, Turns

from ..world import Time


def served(paths, seconds=10.0, work=0.01):
    """Return how long each connection was served that asks whenever it may."""
    time = Time(monotonic=0.0)
    turns = Turns(time.monotonic)
    free_at, took = dict.fromkeys(paths, 0.0), dict.fromkeys(paths, 0.0)
    while time.at < seconds:
        path = min(free_at, key=free_at.__getitem__)
        time.at = max(time.at, free_at[path]) + work
        took[path] += work
        free_at[path] = time.at + turns.take(path, work)
    return took


@pytest.mark.parametrize("number", [1, 2, 10, 100])
def test_all_together_leave_half_of_the_time_free(number):
    """However many make work without a pause: principals, processes of one, its connections."""
    for paths in (
        [(f"pod:{each}", 1, 1) for each in range(number)],
        [("uid:0", each, 1) for each in range(number)],
        [("uid:0", 1, each) for each in range(number)],
    ):
        assert sum(served(paths).values()) < 10 / DEFAULT_WAIT_FACTOR + 0.02 * number


def test_many_have_no_larger_share_than_one():
    """A principal of nine processes none than another one, nor nine connections of a process."""
    for many, one in (
        ([("pod:a", each, 1) for each in range(9)], ("pod:b", 1, 1)),
        ([("uid:0", 1, each) for each in range(9)], ("uid:0", 2, 1)),
    ):
        took = served([*many, one])
        assert 0.5 < took[one] / sum(took[each] for each in many) < 2


def test_a_new_connection_gains_its_process_nothing():
    """It begins as late as the others go on; an old one that made no work does not wait."""
    turns = Turns(Time().monotonic)
    turns.begin(("uid:0", 1, "innocent"))
    turns.take(("uid:0", 1, "flood"), 0.1)
    assert turns.begin(("uid:0", 1, "again")) == pytest.approx(0.2)
    assert turns.begin(("uid:0", 2, "other")) == 0
    assert turns.take(("uid:0", 1, "innocent"), 0.0) == 0


def test_who_makes_little_work_does_not_wait():
    """A thousand processes that each take a tenth of a millisecond, four times a second."""
    time = Time()
    turns = Turns(time.monotonic)
    for number in range(4000):
        time.pass_(0.00025)
        assert turns.take(("uid:0", number % 1000, 1), 0.0001) < 0.005
