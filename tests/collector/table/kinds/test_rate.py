"""Rates: ticked, as blocks, and without events."""

import pytest

from ...world import World, rate, timer


def test_a_rate_of_blocks_is_one_over_their_mean_duration():
    """Two blocks of 20 and 30 ms in a second: 2 events a second, and 40 by their duration."""
    world = World()
    peer = world.peer(monotonic=0.0)
    peer.update(1, rate("r", 2, sum=50_000_000, last=20_000_000), rate("ticked", 2))
    assert world.value("waggle_rate_per_second", name="r") == pytest.approx(2)
    assert world.value("waggle_rate_block_per_second", name="r") == pytest.approx(40)
    assert world.value("waggle_rate_block_per_second", name="ticked") is None
    assert world.value("waggle_rate_last_per_second", name="r") == pytest.approx(50)


def test_an_empty_window_has_no_quantiles_but_a_rate_of_zero():
    """After 10 quiet seconds the recent lines of a timer are gone."""
    world = World()
    peer = world.peer(monotonic=0.0)
    peer.update(1, timer("t", {-8: 2}, 900, last=400), rate("r", 5, last=10**8))
    assert world.value("waggle_timer_recent_mean_seconds", name="t") is not None
    world.pass_(11)
    assert world.value("waggle_timer_recent_mean_seconds", name="t") is None
    assert world.value("waggle_timer_recent_seconds", name="t", q="0.5") is None
    assert world.value("waggle_rate_per_second", name="r") == 0
    assert world.value("waggle_timer_last_seconds", name="t") == 400 / 1e9
    assert world.value("waggle_rate_last_per_second", name="r") == 10


def test_durations_of_zero_divide_by_nothing():
    """A coarse clock may measure 0 ns: it counts as its resolution."""
    world = World()
    peer = world.peer(monotonic=0.0)
    peer.update(1, rate("block", 3, sum=0, last=0), rate("ticks", 2, last=0))
    peer.update(2, timer("t", {-240: 3}, 0, last=0))
    assert world.value("waggle_rate_block_per_second", name="block") == 1e9
    assert world.value("waggle_rate_last_per_second", name="ticks") == 1e9
    assert world.value("waggle_timer_last_seconds", name="t") == 0
