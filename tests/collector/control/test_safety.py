"""How often a knob changes, and what becomes of a value after which the plugin ends."""

import pytest

from ..world import World
from .holders import RESOLUTION, Controlled, Holder

COUNT = {"name": "count", "type": "int", "default": 0, "low": 0, "high": 1000}


def test_a_knob_changes_at_most_once_a_second():
    """The next value waits, which is said; then it is put in force without being asked again."""
    world = World()
    plugin, me = Controlled(world, knobs=[COUNT]), Holder(world)
    me.put(count=1)
    world.time.pass_(0.5)
    (answer,) = me.put(count=2)
    assert (answer["status"], "once a second" in answer["rule"]) == ("pending", True)
    assert plugin.has() == {"count": 1}
    world.pass_(1)
    assert plugin.has() == {"count": 2}


def test_a_value_that_came_too_soon_is_put_in_force_when_it_may_be():
    """Not first when the collector looks at everything, once a second."""
    world, timers = World(), []
    world.control.begin(
        lambda: None, lambda seconds, call, key: timers.append((seconds, call, key))
    )
    plugin, me = Controlled(world, knobs=[COUNT]), Holder(world)
    me.put(count=1)
    world.time.pass_(0.25)
    for value in range(2, 6):
        me.put(count=value)
    ((seconds, call, key),) = timers
    world.time.pass_(seconds)
    call(key)
    assert 0.75 <= seconds < 0.8
    assert plugin.has() == {"count": 5}


def test_a_knob_changes_at_most_twelve_times_a_minute():
    """However many are asked for: in each minute there are twelve."""
    world = World()
    plugin, me = Controlled(world, knobs=[COUNT]), Holder(world, ttl=60.0)
    seen = []
    for value in range(1, 181):
        me.put(count=value)
        if plugin.has()["count"] not in seen:
            seen.append(plugin.has()["count"])
        world.pass_(1)
    assert 24 <= len(seen) <= 36


def test_what_is_held_back_lasts_no_longer_than_its_lease():
    """The value that stays meanwhile is not renewed either."""
    world = World()
    plugin, me = Controlled(world, knobs=[COUNT]), Holder(world)
    for value in range(1, 13):
        me.put(count=value)
        world.pass_(1.5)
    me.put(count=50)
    assert plugin.has() == {"count": 12}
    world.pass_(11)
    assert plugin.has() == {}


def test_release_and_expiry_are_not_held_back():
    """Whatever has changed just now."""
    world = World()
    plugin, me = Controlled(world, knobs=[COUNT]), Holder(world)
    for value in range(1, 13):
        me.put(count=value)
        world.pass_(1.5)
    me.put(count=12)
    me.end()
    assert plugin.has() == {}


def restarted(world, plugin, end, process):
    """End the process as ``end`` says and return the next one of the plugin."""
    if end == "lost":
        plugin.peer.protocol.process.handle = Ended()
        plugin.peer.protocol.end_of_file()
        world.pass_(1)
    elif end == "end of file":
        plugin.peer.protocol.end_of_file()
    else:
        plugin.peer.bye(end)
    return Controlled(world, process)


class Ended:
    """The handle of a process that is gone."""

    def has_ended(self):
        """Tell so."""
        return True

    def close(self):
        """Let go."""


@pytest.mark.parametrize("end", ["error", "lost", "end of file"])
def test_a_value_after_which_the_plugin_ends_twice_is_quarantined(end):
    """It is held back for 5 s the first time, and for good the second: two restarts at most."""
    world = World()
    me = Holder(world, ttl=60.0)
    plugin = Controlled(world, "session-0")
    restarts = 0
    for number in range(1, 60):
        me.put(resolution=1080)
        if plugin.has() == {"resolution": 1080}:
            world.pass_(1)
            restarts += 1
            plugin = restarted(world, plugin, end, f"session-{number}")
            assert plugin.has() == {}
            if restarts == 1:
                world.pass_(3)
                assert plugin.has() == {}
        world.pass_(1)
    assert restarts == 2
    (answer,) = me.put(resolution=1080)
    assert answer["status"] == "quarantined"
    assert me.statuses(resolution=360) == {"resolution": "pending"}


@pytest.mark.parametrize("end", ["ok", "stopped"])
def test_an_end_as_it_should_be_never_counts(end):
    """The next process gets the value at once."""
    world = World()
    me, plugin = Holder(world, ttl=60.0), Controlled(world, "session-0")
    for number in range(1, 6):
        me.put(resolution=1080)
        plugin = restarted(world, plugin, end, f"session-{number}")
        assert plugin.has() == {"resolution": 1080}


def test_an_end_long_after_a_value_is_not_its_fault():
    """More than 10 s after the process was sent it."""
    world = World()
    me, plugin = Holder(world, ttl=60.0), Controlled(world, "session-0")
    me.put(resolution=1080)
    world.pass_(11)
    plugin = restarted(world, plugin, "error", "session-1")
    assert plugin.has() == {"resolution": 1080}


def test_a_value_that_a_process_ran_with_for_long_is_not_blamed():
    """For 10 minutes: whoever kills the plugin again and again quarantines no healthy value."""
    world = World()
    me, plugin = Holder(world, ttl=60.0), Controlled(world, "session-0")
    me.put(resolution=1080)
    plugin.obey()
    world.pass_(12)
    for number in range(1, 6):
        plugin = restarted(world, plugin, "error", f"session-{number}")
        assert plugin.has() == {"resolution": 1080}
        world.pass_(3)
    me.put(resolution=360)
    plugin.obey()
    for number in range(6, 8):
        plugin = restarted(world, plugin, "error", f"session-{number}")
        world.pass_(6)
        me.put(resolution=360)
    assert me.statuses(resolution=360) == {"resolution": "quarantined"}
    me.put(resolution=1080)
    world.pass_(610, step=10.0)
    me.etag = None
    me.put(resolution=1080)
    plugin = restarted(world, plugin, "error", "session-8")
    assert plugin.has() == {}


def test_a_value_that_a_process_was_only_sent_is_not_trusted():
    """It may be busy, and take it later."""
    world = World()
    me, plugin = Holder(world, ttl=60.0), Controlled(world, "session-0")
    me.put(resolution=1080)
    world.pass_(12)
    plugin = restarted(world, plugin, "error", "session-1")
    plugin = restarted(world, plugin, "error", "session-2")
    assert plugin.has() == {}


def test_an_end_of_file_alone_is_not_judged():
    """The process may come back: it then has what it had."""
    world = World()
    me, plugin = Holder(world, ttl=60.0), Controlled(world)
    me.put(resolution=1080)
    plugin.peer.protocol.end_of_file()
    world.pass_(2)
    assert Controlled(world).has() == {"resolution": 1080}


def test_the_end_of_a_child_is_not_judged():
    """A pool's workers come and go."""
    world = World()
    Controlled(world, "session-0", pid=10)
    child = Controlled(world, "session-1", pid=11, parent=10)
    Holder(world, ttl=60.0).put(resolution=1080)
    child.peer.bye("error")
    assert Controlled(world, "session-2", pid=12, parent=10).has() == {"resolution": 1080}


def test_a_second_end_after_ten_minutes_is_a_first_one():
    """Only twice within 10 minutes is for good."""
    world = World()
    me, plugin = Holder(world, ttl=60.0), Controlled(world, "session-0")
    for number in range(1, 4):
        me.etag = None
        me.put(resolution=1080)
        plugin = restarted(world, plugin, "error", f"session-{number}")
        world.pass_(601, step=10.0)
    me.etag = None
    assert me.statuses(resolution=1080) == {"resolution": "pending"}


def test_only_the_value_is_quarantined_until_somebody_clears_it():
    """Also while the plugin has left, and for its next processes."""
    world = World(hold_time=20.0)
    me, plugin = Holder(world, ttl=60.0), Controlled(world, "session-0")
    key = None
    for number in range(1, 3):
        me.put(resolution=1080)
        plugin = restarted(world, plugin, "error", f"session-{number}")
        key = next(iter(world.control.settings))
        world.pass_(6)
    plugin.peer.bye()
    world.pass_(100)
    assert not world.table.plugins
    Controlled(world, "session-9")
    me.etag = None
    assert me.statuses(resolution=1080) == {"resolution": "quarantined"}
    assert world.value("waggle_collector_quarantined_values") == 1
    assert not me.orders.clear(key, [360])
    assert me.orders.clear(key, [1080])
    assert not me.orders.clear(key, None)
    assert me.statuses(resolution=1080) == {"resolution": "pending"}
    world.pass_(1)
    assert world.value("waggle_collector_quarantined_values") == 0


def test_each_change_is_one_line_and_one_count(caplog):
    """With holder, plugin, knob, the old value and the new one."""
    caplog.set_level("INFO")
    world = World()
    Controlled(world)
    me = Holder(world)
    me.put(resolution=360)
    me.put(resolution=360)
    me.end()
    lines = [each.getMessage() for each in caplog.records if "knob changed" in each.message]
    assert [line.partition("job= ")[2] for line in lines] == [
        "knob=resolution old=default new=360",
        "knob=resolution old=360 new=default",
    ]
    assert all("holder=me plugin=plugin task=plugin" in line for line in lines)
    name = "waggle_knob_changes_total"
    assert world.value(name, name="resolution", source="set") == 1
    assert world.value(name, name="resolution", source="default") == 1


def test_no_plugin_takes_the_room_of_others_by_knobs():
    """What it says of them is held by itself; without room they are refused."""
    world = World(memory=3_000_000)
    plugin = Controlled(world, knobs=[])
    before = world.budget.root.total
    knobs = [{**RESOLUTION, "name": f"k{number}"} for number in range(40)]
    answers = plugin.peer.say({"type": "knobs", "number": 9, "knobs": knobs})
    assert {each["code"] for each in answers} == {"bad_knob"}
    assert world.budget.root.total > before
    assert len(list(world.control.knobs())) == 33
    plugin.peer.protocol.end_of_file()
    assert world.budget.root.total == before
