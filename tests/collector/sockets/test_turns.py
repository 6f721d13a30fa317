"""How the time of the event loop is shared out among those that make work."""

import pytest

from waggle_live_collector.sockets.turns import DEFAULT_WAIT_FACTOR, Turns

from ..world import Time


def served(processes, seconds=10.0, work=0.01):
    """Return how long each of the (principal, process) was served that asks whenever it may."""
    time = Time(monotonic=0.0)
    turns = Turns(time.monotonic)
    free_at, took = dict.fromkeys(processes, 0.0), dict.fromkeys(processes, 0.0)
    while time.at < seconds:
        process = min(free_at, key=free_at.__getitem__)
        time.at = max(time.at, free_at[process]) + work
        took[process] += work
        free_at[process] = time.at + turns.take(*process, work)
    return took


@pytest.mark.parametrize("number", [1, 2, 10, 100])
def test_all_together_leave_half_of_the_time_free(number):
    """However many processes make work without a pause, of one principal or of several."""
    for processes in (
        [("uid:0", n) for n in range(number)],
        [(f"pod:{n}", 1) for n in range(number)],
    ):
        assert sum(served(processes).values()) < 10 / DEFAULT_WAIT_FACTOR + 0.02 * number


def test_a_principal_of_many_processes_has_no_larger_share():
    """One process of another principal is served about as long as nine of the first together."""
    processes = [("pod:a", number) for number in range(9)] + [("pod:b", 1)]
    took = served(processes)
    alone = took["pod:b", 1]
    assert 0.5 < alone / (sum(took.values()) - alone) < 2


def test_connections_of_one_process_wait_for_the_work_of_them_all():
    """A second connection gains a process nothing; another process hardly waits."""
    turns = Turns(Time().monotonic)
    turns.take("uid:0", 1, 0.1)
    assert turns.take("uid:0", 1, 0.0) == pytest.approx(0.2)
    assert turns.take("uid:0", 2, 0.001) < 0.01


def test_who_makes_little_work_does_not_wait():
    """A thousand processes that each take a tenth of a millisecond, four times a second."""
    time = Time()
    turns = Turns(time.monotonic)
    for number in range(4000):
        time.pass_(0.00025)
        assert turns.take("uid:0", number % 1000, 0.0001) < 0.005
