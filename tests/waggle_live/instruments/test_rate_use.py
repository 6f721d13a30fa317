"""What a rate is given: by keyword as its first use, too much of it, items that threads share."""

import threading

import pytest

from waggle_live.wire.errors import LiveMetricsError

from ..helpers import MS, cell, in_threads

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


WRONG = [
    lambda rate: rate.tick("x"),
    lambda rate: rate.tick(-1),
    lambda rate: rate.observe(None),
    lambda rate: rate.observe(seconds=-1),
    lambda rate: rate(5),
    lambda rate: rate.each(5),
]


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("right", [lambda rate: rate.tick(), lambda rate: rate.start().stop()])
def test_a_wrong_call_settles_nothing(live, wrong, right):
    """After one that was refused a rate may still be used either way."""
    with pytest.raises(LiveMetricsError):
        wrong(live.rate("r"))
    right(live.rate("r"))
    assert cell(live, "rate", "r")["count"] == 1


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


def test_each_of_items_that_threads_share(live, fast_switching):
    """Threads may share it where they may share the items: each item once, and one event each."""
    taken = []
    items = live.rate("r").each(iter(range(2000)))  # its next is one call into C
    together = threading.Barrier(4)

    def work():
        together.wait()
        for item in items:
            taken.append(item)

    in_threads(4, work)
    assert sorted(taken) == list(range(2000))
    assert cell(live, "rate", "r")["count"] == 2000


def test_each_is_closed_as_its_items_are(live):
    """``close()`` returns when a generator has cleaned up; what can't be closed may be."""
    done = []

    def stream():
        try:
            yield 1
        finally:
            done.append(True)

    source = stream()
    items = live.rate("r").each(source)
    assert next(items) == 1
    items.close()
    assert done == [True]
    assert list(items) == []
    live.rate("r").each([1]).close()
