"""Monotonic to compute with, wall only to show."""

from waggle_live_collector.clock import STEP_SECONDS, Clock

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
