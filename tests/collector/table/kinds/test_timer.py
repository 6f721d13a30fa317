"""Timers: coarse bounds, recent quantiles, the last duration."""

import math
import random

import pytest

from waggle_live.wire import histogram
from waggle_live_collector.table.buckets import BOUNDS

from ...world import World, gauge, timer


def test_each_coarse_bound_counts_what_is_at_or_below_it():
    """The 22 bounds of the exposition agree with the durations themselves."""
    random.seed(7)
    values = [int(10 ** random.uniform(0, 13)) for _ in range(2000)]
    values += [int(bound * 1e9) for bound in BOUNDS] + [int(bound * 1e9) + 1 for bound in BOUNDS]
    buckets = {}
    histogram.add(sorted(values), buckets)
    world = World()
    world.peer().update(1, timer("t", buckets, sum(values)))
    found = world.scrape().all("waggle_timer_seconds_bucket")
    shown = {labels["le"]: value for labels, value in found}
    assert len(shown) == len(BOUNDS) + 1
    for bound in BOUNDS:
        assert shown[repr(bound)] == sum(v <= bound * 1e9 for v in values)
    assert shown["+Inf"] == len(values)


@pytest.mark.parametrize("spread", [0.1, 1.0, 3.0])
def test_recent_quantiles_are_within_a_bucket(spread):
    """Each quantile of the last 10 s is within 4.5 % of the true one."""
    random.seed(3)
    world = World()
    peer = world.peer(monotonic=0.0)
    values, buckets = [], {}
    for number in range(1, 30):
        new = sorted(int(random.lognormvariate(17, spread)) for _ in range(50))
        histogram.add(new, buckets)
        values += new
        peer.update(number, timer("t", buckets, sum(values)), monotonic=number * 0.25)
        world.time.pass_(0.25)
    ordered = sorted(values)
    for q in (0.5, 0.95, 0.99):
        true = ordered[math.ceil(q * len(ordered)) - 1] / 1e9
        shown = world.value("waggle_timer_recent_seconds", name="t", q=str(q))
        assert shown == pytest.approx(true, rel=0.045)
        assert shown == histogram.quantile(buckets, q)
    mean = sum(values) / len(values) / 1e9
    assert world.value("waggle_timer_recent_mean_seconds", name="t") == pytest.approx(mean)


def test_the_last_value_is_the_newest_by_age():
    """An older value that arrives later is not the last one."""
    world = World()
    world.peer("session-1").update(1, timer("t", {0: 1}, 7, last=7, age=1.0), gauge("g", 7, 1.0))
    world.peer("session-2").update(1, timer("t", {0: 1}, 8, last=8, age=3.0), gauge("g", 8, 3.0))
    assert world.value("waggle_timer_last_seconds", name="t") == 7 / 1e9
    assert world.value("waggle_value", name="g") == 7
    assert world.value("waggle_updated_timestamp_seconds", name="g") == world.time.now() - 1
