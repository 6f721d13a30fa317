"""What holders want, what they are answered, and what processes are sent."""

import re

import pytest

from waggle_live_collector.control import orders
from waggle_live_collector.control.leases import DEFAULT_MAX_LEASES, check_holder
from waggle_live_collector.control.orders import Entry, OrderError

from ..world import World
from .holders import MODEL, PROFILE, RESOLUTION, THRESHOLD, Controlled, Holder


def test_a_value_is_pending_then_applied_then_unchanged():
    """The process says when it has it; it travels at once, with the seconds that are left."""
    world = World()
    plugin, me = Controlled(world), Holder(world)
    assert me.statuses(resolution=360) == {"resolution": "pending"}
    (entry,) = plugin.last_set["knobs"]
    assert (entry["name"], entry["value"], entry["seconds"]) == ("resolution", 360, 10.0)
    plugin.obey()
    assert me.statuses(resolution=360) == {"resolution": "applied"}
    assert me.statuses(resolution=360) == {"resolution": "unchanged"}


def test_a_renewal_is_sent_with_the_same_revision():
    """So a process need not change anything, and its seconds begin anew."""
    world = World()
    plugin, me = Controlled(world), Holder(world)
    me.put(resolution=360)
    first = plugin.last_set["knobs"][0]
    world.pass_(4)
    me.put(resolution=360)
    again = plugin.last_set["knobs"][0]
    assert again == first


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("resolution", 480, "one of 360, 720, 1080"),
        ("resolution", 360.0, "type int"),
        ("resolution", True, "type int"),
        ("resolution", "360", "type int"),
        ("resolution", None, "type int"),
        ("resolution", [360], "type int"),
        ("resolution", 2**70, "2\\^53"),
        ("threshold", 0.95, "0.3 to 0.9"),
        ("threshold", "0.5", "type float"),
        ("threshold", float("nan"), "finite"),
        ("no_such", 1, "no connected process"),
        ("", 1, "no connected process"),
    ],
)
def test_what_a_knob_forbids_is_refused_alone(name, value, rule):
    """The entry beside it is taken, and the rule is said."""
    world = World()
    plugin, me = Controlled(world, knobs=(RESOLUTION, MODEL, THRESHOLD)), Holder(world)
    refused, taken = me.put(Entry("plugin", name, value=value), Entry("plugin", "model", value="n"))
    assert refused["status"] == "refused"
    assert re.search(rule, refused["rule"])
    assert taken["status"] == "pending"
    assert plugin.has() == {"model": "n"}


def test_an_int_serves_a_float():
    """And is sent as one."""
    world = World()
    knob = {"name": "scale", "type": "float", "default": 1.0, "low": 0.0, "high": 4.0}
    plugin = Controlled(world, knobs=[knob])
    Holder(world).put(scale=2)
    assert repr(plugin.has()["scale"]) == "2.0"


def test_what_is_left_out_is_released():
    """The will is whole: the process goes back to its default at once."""
    world = World()
    plugin, me = Controlled(world), Holder(world)
    me.put(resolution=360, threshold=0.4)
    me.put(threshold=0.4)
    assert plugin.has() == {"threshold": 0.4}
    me.put()
    assert plugin.has() == {}
    assert me.end()
    assert not me.end()


def test_a_refused_entry_leaves_the_earlier_value_until_its_own_end():
    """It is not renewed, and not released either."""
    world = World()
    plugin, me = Controlled(world), Holder(world)
    me.put(resolution=360, threshold=0.4)
    world.pass_(6)
    assert me.statuses(resolution=481, threshold=0.4)["resolution"] == "refused"
    seconds = {each["name"]: each["seconds"] for each in plugin.last_set["knobs"]}
    assert seconds == {"resolution": pytest.approx(4, abs=0.01), "threshold": 10.0}
    world.pass_(5)
    assert plugin.has() == {"threshold": 0.4}


def test_a_shorter_will_ends_no_lease_that_it_was_refused():
    """The holder is there for as long as its last lease."""
    world = World()
    plugin, me = Controlled(world), Holder(world)
    me.put(resolution=360)
    me.ttl = 2.0
    me.put(resolution=481)
    world.pass_(5)
    assert plugin.has() == {"resolution": 360}
    assert me.statuses(resolution=360) == {"resolution": "pending"}
    world.pass_(3)
    assert plugin.has() == {}


def test_a_knob_that_stands_twice_is_refused_the_second_time():
    """The first entry counts."""
    world = World()
    plugin, me = Controlled(world), Holder(world)
    first, second = me.put(
        Entry("plugin", "resolution", value=360), Entry("plugin", "resolution", value=1080)
    )
    assert (first["status"], second["status"]) == ("pending", "refused")
    assert plugin.has() == {"resolution": 360}


def test_of_equals_the_first_has_a_knob():
    """The second is told who; it gets the knob when the first ends."""
    world = World()
    plugin, one, two = Controlled(world), Holder(world, "one"), Holder(world, "two", ttl=60.0)
    one.put(resolution=360)
    (answer,) = two.put(resolution=1080)
    assert (answer["status"], answer["holder"]) == ("held_by", "one")
    assert plugin.has() == {"resolution": 360}
    world.pass_(2)
    one.end()
    assert plugin.has() == {"resolution": 1080}


def test_a_higher_priority_takes_a_knob_over():
    """People use 9; whoever had it before is answered who has it now, and gets it back."""
    world = World()
    plugin, me = Controlled(world), Holder(world, "controller", ttl=60.0)
    top = Holder(world, "top", priority=9)
    me.put(resolution=360)
    world.pass_(2)
    assert top.statuses(resolution=1080) == {"resolution": "pending"}
    assert plugin.has() == {"resolution": 1080}
    (answer,) = me.put(resolution=360)
    assert (answer["status"], answer["holder"]) == ("held_by", "top")
    world.pass_(12)
    assert plugin.has() == {"resolution": 360}


def test_a_pinned_knob_is_not_set():
    """The operator's word stands before every lease, and the process is sent nothing."""
    world = World()
    plugin, me = Controlled(world), Holder(world)
    plugin.tell(resolution={"source": "pinned", "value": 1080})
    (answer,) = me.put(resolution=360)
    assert answer["status"] == "pinned"
    assert "1080" in answer["rule"]
    assert plugin.has() == {}


def test_all_processes_of_a_plugin_are_set_and_counted():
    """One that has it, one that refuses it, one that says nothing, one whose choices lack it."""
    world = World()
    plugins = [Controlled(world, f"session-{number}") for number in range(3)]
    other = {**RESOLUTION, "choices": [720, 1080]}
    plugins.append(Controlled(world, "session-3", knobs=[other]))
    me = Holder(world)
    (answer,) = me.put(resolution=360)
    assert answer["processes"] == {"applied": 0, "refused": 1, "pending": 3}
    plugins[0].obey()
    revision = plugins[1].last_set["knobs"][0]["revision"]
    plugins[1].tell(resolution={"revision": revision, "error": "not now"})
    (answer,) = me.put(resolution=360)
    assert answer["status"] == "pending"
    assert answer["processes"] == {"applied": 1, "refused": 2, "pending": 1}
    assert plugins[3].has() == {}


def test_a_value_that_all_processes_refuse_is_refused():
    """With what they say."""
    world = World()
    plugin, me = Controlled(world), Holder(world)
    me.put(resolution=360)
    revision = plugin.last_set["knobs"][0]["revision"]
    plugin.tell(resolution={"revision": revision, "error": "the camera can't"})
    (answer,) = me.put(resolution=360)
    assert (answer["status"], answer["rule"]) == ("refused", "the camera can't")


def test_a_second_copy_of_a_holder_is_noticed():
    """By the ETag, which is drawn when a holder begins and stays until it ends."""
    world = World()
    Controlled(world)
    one, two = Holder(world), Holder(world)
    one.put(resolution=360)
    with pytest.raises(OrderError, match="holds leases already"):
        two.put(resolution=1080)
    two.etag = '"0123456789abcdef"'
    with pytest.raises(OrderError, match="another copy"):
        two.put(resolution=1080)
    before = one.etag
    one.put(resolution=360)
    assert one.etag == before
    world.pass_(11)
    with pytest.raises(OrderError, match="has ended"):
        one.put(resolution=360)
    two.etag = None
    two.put(resolution=1080)
    assert two.etag != before


def test_more_leases_than_there_is_room_for_are_refused():
    """By number, and by what of the memory is left."""
    world = World()
    Controlled(world)
    world.control.leases.count = DEFAULT_MAX_LEASES
    (answer,) = Holder(world).put(resolution=360)
    assert (answer["status"], "no room" in answer["rule"]) == ("refused", True)


@pytest.mark.parametrize("name", ["", "A", "a b", "a/b", "x" * 65, "é", "a\n"])
def test_a_holder_is_a_plain_name(name):
    """So it can stand in a path and in the log."""
    with pytest.raises(ValueError, match="1 to 64 characters"):
        check_holder(name)


def test_the_profile_is_shown_when_somebody_used_it():
    """The knob that every process has costs a scrape nothing before."""
    world = World()
    Controlled(world, knobs=[PROFILE])
    assert world.value("waggle_knob_value", name="__profile") is None
    Holder(world).put(__profile=50)
    assert world.value("waggle_knob_leased", name="__profile") == 1


def test_what_is_not_there_takes_no_room():
    """However much of it a will names."""
    world = World()
    Controlled(world)
    me, absent = Holder(world), [Entry(f"p{number}", "k", value=1) for number in range(5000)]
    answers = me.put(*absent, resolution=360)
    assert [each["status"] for each in answers[-2:]] == ["refused", "pending"]


def test_leases_are_bounded(monkeypatch):
    """The first so many are taken; those that the same will releases make room."""
    monkeypatch.setattr(orders, "DEFAULT_MAX_LEASES", 3)
    world = World()
    names = [f"k{number}" for number in range(8)]
    Controlled(world, knobs=[{**RESOLUTION, "name": name} for name in names])
    me = Holder(world)
    statuses = me.statuses(**dict.fromkeys(names[:4], 360))
    assert [*statuses.values()] == ["pending"] * 3 + ["refused"]
    assert {*me.statuses(**dict.fromkeys(names[4:7], 360)).values()} == {"pending"}
    assert world.control.leases.count == 3


def test_a_task_that_is_empty_is_that_of_the_plugin():
    """As in a plugin's own words."""
    world = World()
    Controlled(world, task="")
    answers = Holder(world).put(Entry("plugin", "resolution", plugin_task="", value=360))
    assert [(each["plugin_task"], each["status"]) for each in answers] == [("plugin", "pending")]
