"""How long a value takes from the call that records it to /metrics."""

import re
import subprocess
import time

import pytest

from tests.end_to_end.workload import finish, start

pytestmark = pytest.mark.alone

LINE = re.compile(rb'^waggle_value{.*name="stamp",.*number="(.)".*} (.+)$', re.MULTILINE)
GAUGES, DELAYS = 6, 25


def test_a_value_stands_on_metrics_within_half_a_second(own_collector):
    """p99 of the time from gauge.set() to the last scrape without it, at the default interval.

    A scrape counts from when it is asked for: what keeps the test from asking is no delay.
    """
    plugin = start("stamping", GAUGES, address=own_collector.address, stdin=subprocess.PIPE)
    delays, seen = [], {}
    last_without = time.monotonic()
    end = last_without + 60
    while len(delays) < DELAYS and time.monotonic() < end:
        asked = time.monotonic()
        for number, text in LINE.findall(own_collector.get("/metrics")[2]):
            value = float(text)
            if value not in (0.0, seen.get(number)):
                delays.append(max(0.0, last_without - value))
                seen[number] = value
        last_without = asked
        time.sleep(0.005)
    assert finish(plugin) == ""
    assert len(delays) >= DELAYS
    assert 0 < max(delays) <= 0.5, sorted(delays)
