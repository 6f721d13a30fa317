"""How long a value takes from the call that records it to /metrics."""

import re
import subprocess
import time

from tests.end_to_end.workload import finish, start

LINE = re.compile(rb'^waggle_value{name="stamp",.*} (.+)$', re.MULTILINE)


def test_a_value_stands_on_metrics_within_half_a_second(own_collector):
    """p99 of the time from gauge.set() to its visibility, at the default interval."""
    plugin = start("stamping", address=own_collector.address, stdin=subprocess.PIPE)
    delays, seen = [], 0.0
    end = time.monotonic() + 20
    while len(delays) < 25 and time.monotonic() < end:
        found = LINE.search(own_collector.get("/metrics")[2])
        now = time.monotonic()
        value = float(found.group(1)) if found else 0.0
        if value != seen:
            delays.append(now - value)
            seen = value
        time.sleep(0.005)
    assert finish(plugin) == ""
    assert len(delays) >= 20
    assert max(delays) <= 0.5, sorted(delays)
