"""The wall clock steps by an hour: durations, windows, holding times and expiry don't notice."""

import subprocess
import time

import pytest

from tests.collector.harness import wait_until

from .processes import finish, start

pytestmark = pytest.mark.quiet

HOLD_SECONDS = 1.5
#: A block takes 10 ms. A busy machine may stop it for a moment, never for an hour.
LONGEST = 10.0
#: How late a busy machine may let it go.
SLACK = 2.0


@pytest.mark.parametrize("hours", [1, -1])
def test_a_stepped_wall_clock_changes_no_measurement(wall_clock, make_collector, hours):
    """Plugin and collector both see the step; only what is shown as a time of day follows."""
    collector = make_collector(hold_time=HOLD_SECONDS)
    process = start("ticking", address=collector.address, stdin=subprocess.PIPE)
    wait_until(lambda: collector.value("waggle_rate_events_total", default=0) >= 50)
    shown = collector.value("waggle_updated_timestamp_seconds", name="ticks")
    assert abs(shown - time.time()) < 5

    wall_clock(3600 * hours)
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        scrape = collector.scrape()
        assert 5 < scrape.value("waggle_rate_per_second") < 500
        assert 0.009 < scrape.value("waggle_timer_recent_mean_seconds") < LONGEST
        assert 0.009 < scrape.value("waggle_timer_last_seconds") < LONGEST
        assert scrape.value("waggle_plugin_up") == 1
        time.sleep(0.1)
    scrape = collector.scrape()
    count = scrape.value("waggle_timer_seconds_count")
    assert scrape.value("waggle_timer_seconds_sum") < LONGEST * count
    shown = scrape.value("waggle_updated_timestamp_seconds", name="ticks")
    assert abs(shown - time.time() - 3600 * hours) < 5

    before = time.monotonic()
    ended = int(finish(process))
    asked = after = time.monotonic()
    assert collector.value("waggle_rate_events_total") == ended
    wall_clock(0)
    while collector.value("waggle_rate_events_total", default=None) == ended:
        assert asked - after < HOLD_SECONDS + SLACK
        time.sleep(0.1)
        asked = time.monotonic()
    assert collector.value("waggle_plugin_up", default=None) is None
    assert time.monotonic() - before >= HOLD_SECONDS - 0.1
