"""Merged series: sums of differences, newest values."""

import pytest

from ..world import World, counter, function, gauge, rate, timer


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
    big = 2**61 + 1
    for process in ("session-1", "session-2"):
        world.peer(process).update(1, timer("t", {0: 1}, big), rate("r", 2**53 + 1))
    series = next(iter(world.table.plugins.values())).series
    assert [s.totals.sum for s in series.values()] == [2 * big, 0]
    assert [s.totals.count for s in series.values()] == [2, 2**54 + 2]


MOST = 2**63 - 1


def state(plugin):
    """Return all that the series of a plugin hold, as text."""
    series = plugin.series.values()
    return repr([(one.totals, getattr(one, "recent", None)) for one in series])


@pytest.mark.parametrize(
    ("cell", "one_more"),
    [
        (timer("t", {0: MOST}, 5), timer("t", {0: 1}, 5)),
        (timer("t", {0: MOST - 1}, 5), timer("t", {1: 2}, 5)),
        (timer("t", {0: 1}, MOST), timer("t", {0: 1}, 1)),
        (timer("t", {0: 1}, 1, failures=MOST), timer("t", {0: 1}, 1, failures=1)),
        (rate("t", MOST), rate("t", 1)),
        (rate("t", 1, sum=MOST), rate("t", 1, sum=1)),
        ({"kind": "messages", "name": "t", "value": MOST},) * 2,
        (function("t", MOST, 1), function("t", 1, 1)),
        (function("t", 1, MOST), function("t", 1, 1)),
    ],
)
def test_a_sum_over_the_range_is_refused_and_changes_nothing(cell, one_more):
    """Sums of all processes stay within 2^63 - 1, so that each can be kept and shown exactly."""
    world = World()
    world.peer("session-1").update(1, cell, gauge("g", 1))
    (plugin,) = world.table.plugins.values()
    before = state(plugin)
    (refused,) = world.peer("session-2").update(1, one_more)
    assert refused["code"] == "bad_cell"
    assert "2^63 - 1" in refused["text"]
    assert state(plugin) == before
    assert world.scrape()


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
