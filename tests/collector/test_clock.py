"""Monotonic to compute with, wall only to show."""

import math

import pytest

from waggle_live_collector.clock import LAG_SECONDS, STEP_SECONDS, Clock, until_next

from .world import Time


def test_a_moment_is_shown_as_the_same_time_twice():
    """Small drifts between the clocks don't make a timestamp jitter."""
    time = Time()
    clock = Clock(monotonic=time.monotonic, now=time.now)
    shown = clock.unix(900.0)
    time.wall += STEP_SECONDS / 2
    clock.refresh()
    assert clock.unix(900.0) == shown


def test_a_stepped_wall_clock_is_followed():
    """After a step, ages shown are right again: they hang on the monotonic clock."""
    time = Time()
    clock = Clock(monotonic=time.monotonic, now=time.now)
    for step in (3600, -3600):
        time.wall += step
        clock.refresh()
        assert abs(time.now() - clock.unix(990.0) - 10) < 0.01


@pytest.mark.parametrize("now", [0.0, 0.05, 0.1, 77.3, 1e6 + 0.0999])
def test_what_is_periodic_is_done_together_after_the_plugins_have_sent(now):
    """Work of each second and of each two meet, a moment after a full second, and never now."""
    for interval in (1.0, 2.0):
        until = until_next(interval, now)
        assert 0 < until <= interval
        assert math.isclose((now + until) % 1.0, LAG_SECONDS, abs_tol=1e-6)
