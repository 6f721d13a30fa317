"""Who may take over whom, how long one is held, what is remembered."""

import pytest

from waggle_live_collector.budget import What
from waggle_live_collector.identity.peer import Handle, Peer

from ..world import World, counter, gauge, rate, timer


def count(world, name="a", **labels):
    return world.value("waggle_count_total", name=name, **labels)


def test_numbers_that_do_not_rise_are_ignored():
    """Repeated and reordered updates change nothing and are counted."""
    world = World()
    peer = world.peer()
    peer.update(5, counter("a", 5))
    assert peer.update(5, counter("a", 7)) == []
    assert peer.update(4, counter("a", 9)) == []
    assert count(world) == 5
    assert world.value("waggle_collector_stale_updates_total") == 2


def test_a_reconnecting_session_takes_over():
    """The old connection is closed, and what still arrives on it is ignored."""
    world = World()
    old = world.peer()
    old.update(1, counter("a", 1))
    new = world.peer(None)
    (welcome,) = new.hello()
    assert welcome["resumed"] is True
    assert old.closed
    assert old.update(9, counter("a", 100)) == []
    assert old.bye() == []
    new.update(2, counter("a", 2))
    assert count(world) == 2
    assert world.value("waggle_plugin_up") == 1
    assert world.value("waggle_plugin_sessions") == 1


def test_without_the_key_a_session_is_not_to_be_had():
    """Connected, held, lost or ended: another key is refused and the connection closed."""
    world = World(hold_time=10)
    owner = world.peer()
    owner.update(1, counter("a", 1))
    world.peer("session-2")  # keeps the plugin

    def refused():
        thief = world.peer(None)
        (error,) = thief.hello(key="another-key-of-mine")
        return (error["code"], thief.closed) == ("session_taken", True)

    assert refused()
    assert not owner.closed
    owner.close()
    assert refused()
    world.pass_(11)
    assert len(world.processes.tombstones.expired) == 1
    assert refused()
    again = world.peer()
    again.bye()
    assert refused()
    assert count(world) == 1


def test_the_end_of_a_connection_is_seen_at_once():
    """waggle_plugin_up is 0 right after the last process left, not before."""
    world = World()
    one, two = world.peer("session-1"), world.peer("session-2")
    one.close()
    assert world.value("waggle_plugin_up") == 1
    two.bye()
    assert world.value("waggle_plugin_up") == 0
    assert world.value("waggle_plugin_sessions") == 0


def test_counters_and_last_values_stay_for_the_holding_time_then_all_of_it_leaves():
    """A plugin of 50 ms is still seen by two slow scrapers, and gone in the end."""
    world = World(hold_time=60)
    peer = world.peer()
    peer.update(1, counter("a", 1), gauge("g", 2), timer("t", {0: 1}, 5, last=5))
    peer.bye()
    world.pass_(59)
    assert count(world) == 1
    assert world.value("waggle_value", name="g") == 2
    assert world.value("waggle_timer_last_seconds", name="t") == 5 / 1e9
    assert world.value("waggle_plugin_up") == 0
    assert world.value("waggle_plugin_exits_total", status="ok") == 1
    world.pass_(2)
    left = {line.partition("{")[0] for line in world.table_text().decode().split("\n")}
    assert {name for name in left if name and name[0] != "#"} == {
        "waggle_plugin_exits_total",
        "waggle_node_info",
    }
    assert world.table.series == 0
    assert world.table.cells == 0


def test_what_is_connected_never_expires():
    """However long it says nothing."""
    world = World(hold_time=5)
    world.peer().update(1, counter("a", 1), gauge("g", 2))
    world.pass_(3600, step=60)
    assert count(world) == 1
    assert world.value("waggle_value", name="g") == 2
    assert world.value("waggle_plugin_up") == 1


def test_a_session_that_left_without_bye_is_lost_after_the_holding_time():
    """It counts as an exit then, and its sums stay while the plugin lives."""
    world = World(hold_time=10)
    world.peer("session-2")
    peer = world.peer("session-1")
    peer.update(1, counter("a", 4))
    peer.close()
    world.pass_(9)
    assert world.value("waggle_plugin_exits_total", status="lost") == 0
    assert world.value("waggle_collector_sessions", state="disconnected") == 1
    world.pass_(2)
    assert world.value("waggle_plugin_exits_total", status="lost") == 1
    assert world.value("waggle_collector_sessions", state="expired") == 1
    assert count(world) == 4


def test_a_lost_session_that_returns_is_counted_once():
    """Its tombstone knows what of it is in the totals."""
    world = World(hold_time=10)
    world.peer("session-2")
    peer = world.peer("session-1")
    peer.update(7, counter("a", 4), timer("t", {0: 3}, 30))
    peer.close()
    world.pass_(100)
    back = world.peer("session-1")
    back.update(8, counter("a", 6), timer("t", {0: 4}, 40))
    assert count(world) == 6
    assert world.value("waggle_timer_seconds_count", name="t") == 4
    assert world.value("waggle_plugin_sessions") == 2


def test_a_session_that_returns_after_its_plugin_left_counts_whole():
    """Nothing of it is in the table any more, so all of it is new."""
    world = World(hold_time=10)
    peer = world.peer()
    peer.update(7, counter("a", 4))
    peer.close()
    world.pass_(12)
    assert count(world) is None
    back = world.peer(None)
    assert back.hello()[0]["resumed"] is False
    back.update(8, counter("a", 5))
    assert count(world) == 5


def test_after_bye_only_flush_and_bye_are_answered():
    """A client that missed the answer may come again; nothing is counted twice."""
    world = World()
    peer = world.peer()
    peer.update(1, counter("a", 1))
    assert peer.bye() == [{"type": "applied", "number": 2}]
    assert peer.update(2, counter("a", 2))[0]["code"] == "session_ended"
    again = world.peer()
    assert again.update(2, counter("a", 2))[0]["code"] == "session_ended"
    assert again.flush() == [{"type": "applied", "number": 1}]
    assert again.bye() == [{"type": "applied", "number": 2}]
    assert count(world) == 1
    assert world.value("waggle_plugin_exits_total", status="ok") == 1


def test_the_first_state_of_a_long_lived_session_is_a_baseline():
    """A collector that lost everything shows no burst when an old process returns."""
    world = World()
    peer = world.peer(monotonic=100.0)
    peer.update(900, rate("r", 10_000), timer("t", {0: 50}, 50), monotonic=5000.0)
    # The rest of the same state, in a second line.
    peer.update(901, rate("s", 10_000), monotonic=5000.0)
    assert world.value("waggle_rate_events_total", name="r") == 10_000
    assert world.value("waggle_rate_per_second", name="r") == 0
    assert world.value("waggle_rate_per_second", name="s") == 0
    assert world.value("waggle_timer_recent_mean_seconds", name="t") is None
    world.time.pass_(1)
    peer.update(902, rate("r", 10_030), monotonic=5001.0, since=5000.75)
    assert world.value("waggle_rate_per_second", name="r") == pytest.approx(30)


def test_the_first_state_of_a_young_session_is_recent():
    """What a process did in its first seconds is shown."""
    world = World()
    peer = world.peer(monotonic=100.0)
    peer.update(1, rate("r", 120), monotonic=104.0)
    assert world.value("waggle_rate_per_second", name="r") == pytest.approx(30, abs=1)


def test_a_new_series_of_a_known_session_is_recent():
    """It began after the update before."""
    world = World()
    peer = world.peer(monotonic=0.0)
    peer.update(1, counter("a", 1), monotonic=500.0)
    world.time.pass_(60)
    peer.update(2, rate("r", 15), monotonic=560.0, since=559.5)
    assert world.value("waggle_rate_per_second", name="r") == 15


def test_what_was_sent_in_vain_is_spread_over_the_time_it_took():
    """After lost updates the sender's "since" is too late; the last applied one counts."""
    world = World()
    peer = world.peer(monotonic=0.0)
    peer.update(1, rate("r", 30), monotonic=1.0)
    world.time.pass_(5)
    peer.update(17, rate("r", 180), monotonic=6.0, since=5.75)
    assert world.value("waggle_rate_per_second", name="r") == pytest.approx(30, abs=2)


def test_clock_steps_change_nothing_but_what_is_shown_as_time():
    """±1 h on the wall: counters, rates and holding times are the same."""
    for step in (3600, -3600):
        world = World(hold_time=60)
        peer = world.peer(monotonic=0.0)
        peer.update(1, rate("r", 30), monotonic=1.0)
        before = world.value("waggle_rate_per_second", name="r")
        world.time.wall += step
        assert world.value("waggle_rate_per_second", name="r") == before
        shown = world.value("waggle_updated_timestamp_seconds", name="r")
        assert shown == pytest.approx(world.time.now())
        peer.bye()
        world.pass_(58)
        assert world.value("waggle_plugin_up") == 0
        world.pass_(3)
        assert world.value("waggle_plugin_up") is None


def test_what_the_lost_processes_of_a_plugin_leave_goes_before_the_plugin():
    """Its counter goes on over any number of them, also while none is connected."""
    world = World(memory=200_000, reserve=0)
    for number in range(1, 100):
        lost = Peer(handle=Handle(None), principal="uid:666", process=number)
        peer = world.peer(f"session-{number}", lost)
        assert peer.update(1, counter("a", 1)) == []
        peer.close()
        world.processes.sweep()
        assert count(world) == number
    assert world.budget.losses["uid:666"][What.ENDED] > 10
