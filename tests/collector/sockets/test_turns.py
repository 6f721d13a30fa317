"""How the time of the event loop is shared out among those that make work."""

import pytest

from waggle_live_collector.sockets.turns import DEFAULT_WAIT_FACTOR, LONGEST_WAIT, Turns

from ..world import Time


def served(connections, seconds=10.0, work=0.01):
    """Return how long each process was served whose connections ask whenever they may."""
    time = Time(monotonic=0.0)
    turns = Turns(time.monotonic)
    free_at, took = dict.fromkeys(connections, 0.0), {}
    while time.at < seconds:
        who = min(free_at, key=free_at.__getitem__)
        process = who[:2]
        time.at = max(time.at, free_at[who]) + work
        took[process] = took.get(process, 0.0) + work
        free_at[who] = time.at + turns.take(process, work)
    return took


@pytest.mark.parametrize("number", [1, 2, 10, 100])
def test_all_together_leave_half_of_the_time_free(number):
    """However many make work without a pause: principals, processes of one, its connections."""
    for connections in (
        [(f"pod:{each}", 1, 1) for each in range(number)],
        [("uid:0", each, 1) for each in range(number)],
        [("uid:0", 1, each) for each in range(number)],
    ):
        # Each reads once or twice before it waits.
        assert sum(served(connections).values()) < 10 / DEFAULT_WAIT_FACTOR + 0.03 * number


def test_many_have_no_larger_share_than_one():
    """A principal of nine processes none than another one, nor nine connections of a process."""
    for many, one in (
        ([("pod:a", each, 1) for each in range(9)], ("pod:b", 1, 1)),
        ([("uid:0", 1, each) for each in range(9)], ("uid:0", 2, 1)),
    ):
        took = served([*many, one])
        mine = took.pop(one[:2])
        assert 0.5 < mine / sum(took.values()) < 2


def test_a_new_connection_gains_its_process_nothing():
    """It begins as late as the others go on; another process does not wait."""
    turns = Turns(Time().monotonic)
    turns.take(("uid:0", "flood"), 0.1)
    assert turns.wait(("uid:0", "flood")) == pytest.approx(0.2)
    assert turns.wait(("uid:0", "other")) <= 0


def test_who_makes_little_work_never_waits():
    """A half millisecond four times a second, beside fifty floods of the same user."""
    time = Time(monotonic=0.0)
    turns = Turns(time.monotonic)
    for step in range(4000):
        time.pass_(0.0025)
        if step % 100 == 0:
            assert turns.take(("uid:0", "small"), 0.0005) == 0
        turns.take(("uid:0", step % 50), 0.02)


def test_who_is_small_again_no_longer_waits():
    """What a process made some seconds ago is forgotten, and nobody waits longer than that."""
    time = Time(monotonic=0.0)
    turns = Turns(time.monotonic)
    for number in range(1000):
        turns.take(("uid:0", number), 1.0)
    assert turns.take(("uid:0", 0), 1.0) == LONGEST_WAIT
    time.pass_(10)
    assert turns.take(("uid:0", 0), 0.001) == 0


def test_those_that_have_gone_are_forgotten():
    """Processes that come and go leave nothing behind for long."""
    time = Time(monotonic=0.0)
    turns = Turns(time.monotonic)
    for number in range(10_000):
        time.pass_(0.01)
        turns.take(("uid:0", number), 0.02)
    assert len(turns._lately) < 1000
    assert len(turns._until) < 1000
