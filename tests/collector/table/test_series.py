"""Merged series: sums of differences, newest values."""

import math
import random

import pytest

from waggle_live.wire import histogram
from waggle_live_collector.table.kinds.timer import BOUNDS

from ..world import World, counter, gauge, rate, timer


def test_cells_are_cumulative_and_counted_once():
    """Repeating a cell adds nothing; a newer one adds the difference."""
    world = World()
    peer = world.peer()
    peer.update(1, timer("t", {-8: 2}, 900))
    peer.update(2, timer("t", {-8: 2}, 900))
    peer.update(3, timer("t", {-8: 2, 0: 1}, 1900, failures=1))
    assert world.value("waggle_timer_seconds_count", name="t") == 3
    assert world.value("waggle_timer_seconds_sum", name="t") == 1900 / 1e9
    assert world.value("waggle_timer_failures_total", name="t") == 1


def test_sessions_of_a_plugin_add_up_to_the_unit():
    """Integers far beyond a float's precision lose nothing before they are shown."""
    world = World()
    big = 2**62 + 1
    for process in ("session-1", "session-2"):
        world.peer(process).update(1, timer("t", {0: 1}, big), rate("r", 2**53 + 1))
    series = next(iter(world.table.plugins.values())).series
    assert [s.totals.sum for s in series.values()] == [2 * big, 0]
    assert [s.totals.count for s in series.values()] == [2, 2**54 + 2]


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


def test_a_rate_of_blocks_is_one_over_their_mean_duration():
    """Two blocks of 20 and 30 ms in a second: 2 events a second, and 40 by their duration."""
    world = World()
    peer = world.peer(monotonic=0.0)
    peer.update(1, rate("r", 2, sum=50_000_000, last=20_000_000), rate("ticked", 2))
    assert world.value("waggle_rate_per_second", name="r") == pytest.approx(2)
    assert world.value("waggle_rate_block_per_second", name="r") == pytest.approx(40)
    assert world.value("waggle_rate_block_per_second", name="ticked") is None
    assert world.value("waggle_rate_last_per_second", name="r") == pytest.approx(50)


def test_the_last_value_is_the_newest_by_age():
    """An older value that arrives later is not the last one."""
    world = World()
    world.peer("session-1").update(1, timer("t", {0: 1}, 7, last=7, age=1.0), gauge("g", 7, 1.0))
    world.peer("session-2").update(1, timer("t", {0: 1}, 8, last=8, age=3.0), gauge("g", 8, 3.0))
    assert world.value("waggle_timer_last_seconds", name="t") == 7 / 1e9
    assert world.value("waggle_value", name="g") == 7
    assert world.value("waggle_updated_timestamp_seconds", name="g") == world.time.now() - 1


def test_gauges_of_ended_sessions_give_way_to_living_ones():
    """They are shown only while no live process of the plugin has the series."""
    world = World()
    one, two = world.peer("session-1"), world.peer("session-2")
    two.update(1, gauge("g", 2, age=5.0))
    one.update(1, gauge("g", 1), gauge("only", "-Inf"))
    assert world.value("waggle_value", name="g") == 1
    one.bye()
    assert world.value("waggle_value", name="g") == 2
    assert world.value("waggle_value", name="only") == -math.inf
    two.bye()
    assert world.value("waggle_value", name="g") == 1


def test_falling_values_are_refused_and_change_nothing():
    """A broken client can't make a merged counter fall."""
    world = World()
    peer = world.peer()
    good = [
        timer("t", {-8: 2, 3: 1}, 900, failures=1),
        rate("r", 5, sum=9),
        counter("c", 5.5),
        {"kind": "messages", "name": "m", "value": 4},
    ]
    peer.update(1, *good)
    before = world.table_text(openmetrics=False)
    bad = [
        timer("t", {-8: 1, 3: 1}, 900, failures=1),
        timer("t", {-8: 1, 3: 3}, 900, failures=1),
        timer("t", {-8: 2, 3: 2}, 800, failures=1),
        timer("t", {-8: 2, 3: 2}, 900),
        rate("r", 4, sum=9),
        rate("r", 6, sum=8),
        counter("c", 5.4),
        {"kind": "messages", "name": "m", "value": 3},
    ]
    answers = peer.update(2, *bad)
    assert [answer["code"] for answer in answers] == ["bad_cell"] * len(bad)
    assert world.table_text(openmetrics=False) == before


def test_empty_labels_are_no_labels():
    """Prometheus takes them for the same series, so they are one here."""
    world = World()
    world.peer().update(1, counter("a", 1), counter("a", 2, place=""))
    ((labels, value),) = world.scrape().all("waggle_count_total", name="a")
    assert value == 3
    assert "place" not in labels


def test_the_order_of_labels_makes_no_series():
    """A client may write them in any order."""
    world = World()
    peer = world.peer()
    peer.update(1, counter("a", 1, x="1", y="2"))
    peer.update(2, counter("a", 2, y="2", x="1"))
    assert world.value("waggle_count_total", name="a") == 2


def test_one_name_in_two_kinds_has_one_update_time():
    """Two processes may disagree about a name; no line may stand twice."""
    world = World()
    world.peer("session-1").update(1, counter("a", 1, age=3.0))
    world.peer("session-2").update(1, gauge("a", 1))
    assert world.value("waggle_updated_timestamp_seconds", name="a") == world.time.now()
