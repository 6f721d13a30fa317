"""What becomes of leases and quarantine when the collector restarts."""

import json

import pytest

from waggle_live_collector.state import snapshot
from waggle_live_collector.state.state_file import StateFile

from ..world import Time, World
from .holders import Controlled, Holder


def file_of(world, path):
    """Return the state file of a world."""
    return StateFile(
        path=str(path),
        table=world.table,
        processes=world.processes,
        control=world.control,
        own=world.own,
        faults=world.faults,
        clock=world.clock,
    )


@pytest.fixture
def node(tmp_path):
    """Return what restarts a collector; its plugins connect again by themselves."""

    class Node:
        path = tmp_path / "state"
        time = Time()

        def __init__(self):
            self.world = self.start()

        def start(self, **how):
            """Return the world of a collector that begins."""
            self.world = World(time=self.time, **how)
            self.file = file_of(self.world, self.path)
            self.file.load()
            return self.world

        def restart(self, away=1.0, **how):
            """Save, be away for so long, and load."""
            self.file.save()
            self.time.pass_(away)
            return self.start(**how)

    return Node()


def test_a_restart_within_the_ttl_changes_nothing(node):
    """The process keeps value and revision, its seconds went on, and the holder its ETag."""
    plugin, me = Controlled(node.world), Holder(node.world)
    me.put(resolution=360)
    plugin.obey()
    before = plugin.knobs["resolution"]
    world = node.restart(away=3.0)
    back = Controlled(world, knobs=[before])
    assert back.last_set is None  # it has what is in force
    again = Holder(world)
    again.etag = me.etag
    assert again.statuses(resolution=360) == {"resolution": "applied"}
    (entry,) = back.last_set["knobs"]
    assert (entry["value"], entry["revision"]) == (360, before["revision"])
    assert world.value("waggle_knob_changes_total", name="resolution", source="set") == 1


def test_what_is_left_of_a_lease_never_grows(node):
    """A process that begins after the restart gets the rest."""
    Holder(node.world)
    Controlled(node.world)
    Holder(node.world).put(resolution=360)
    world = node.restart(away=7.0)
    (entry,) = Controlled(world, "session-2").last_set["knobs"]
    assert entry["seconds"] == pytest.approx(3.0, abs=0.1)
    world.pass_(4)
    assert world.control.leases.holders == {}
    assert Controlled(world, "session-3").has() == {}


def test_a_collector_that_is_away_for_longer_has_no_leases(node):
    """The process counted by itself meanwhile."""
    Controlled(node.world)
    Holder(node.world).put(resolution=360)
    world = node.restart(away=20.0)
    world.control.tick()
    assert Controlled(world, "session-2").has() == {}
    assert world.control.leases.holders == {}


def test_a_reboot_ends_all_leases(node, monkeypatch):
    """Nobody knows how long it took."""
    Controlled(node.world)
    Holder(node.world).put(resolution=360)
    node.file.save()
    monkeypatch.setattr(snapshot, "_boot_id", lambda: "another")
    world = node.start()
    assert world.control.leases.holders == {}
    assert Controlled(world, "session-2").has() == {}


def test_time_in_which_the_system_slept_counts(node, monkeypatch):
    """The clock stood still, and the lease did not."""
    Controlled(node.world)
    Holder(node.world).put(resolution=360)
    asleep = iter([100.0, 107.0, 107.0])
    monkeypatch.setattr(snapshot, "_boottime", lambda: next(asleep))
    world = node.restart(away=1.0)
    (entry,) = Controlled(world, "session-2").last_set["knobs"]
    assert entry["seconds"] == pytest.approx(3.0, abs=0.1)


def test_with_control_off_no_lease_is_taken_up(node):
    """Quarantine is, for it may be on again."""
    Controlled(node.world)
    Holder(node.world).put(resolution=360)
    next(iter(node.world.control.settings.values())).blame(1080, node.time.at)
    world = node.restart(control=False)
    assert world.control.leases.holders == {}
    assert Controlled(world, "session-2").has() == {}
    assert next(iter(world.control.settings.values())).suspects[0].value == 1080


def test_quarantine_outlives_the_collector(node):
    """And so does what was blamed once."""
    me = Holder(node.world, ttl=60.0)
    plugin = Controlled(node.world)
    me.put(resolution=1080)
    plugin.peer.bye("error")
    world = node.restart()
    world.pass_(6)
    again = Holder(world)
    again.etag = me.etag
    plugin = Controlled(world, "session-2")
    again.put(resolution=1080)
    assert plugin.has() == {"resolution": 1080}
    plugin.peer.bye("error")
    world = node.restart()
    Controlled(world, "session-3")
    other = Holder(world, "other")
    assert other.statuses(resolution=1080) == {"resolution": "quarantined"}


def test_trust_outlives_the_collector(node):
    """A value that a process ran with for long is not blamed after a restart either."""
    me = Holder(node.world, ttl=60.0)
    plugin = Controlled(node.world)
    me.put(resolution=1080)
    plugin.obey()
    node.world.pass_(12)
    world = node.restart()
    for number in range(2, 5):
        plugin = Controlled(world, f"session-{number}")
        assert plugin.has() == {"resolution": 1080}
        plugin.peer.bye("error")


def test_what_was_slept_goes_on(node):
    """Told again by the same process it counts once; that of ended ones stays."""
    knob = {"name": "fps", "type": "float", "default": 30.0, "low": 1.0, "high": 30.0}
    Controlled(node.world, "session-1", knobs=[{**knob, "slept": 2.0}])
    Controlled(node.world, "session-2", knobs=[{**knob, "slept": 1.0}]).peer.bye()
    world = node.restart()
    Controlled(world, "session-1", knobs=[{**knob, "slept": 2.5}])
    world.pass_(2)
    assert world.value("waggle_pace_slept_seconds_total", name="fps") == 3.5


@pytest.mark.parametrize(
    ("part", "row"),
    [
        ("holders", ["NO GOOD NAME", '"x"', 0, 1000.0, []]),
        ("holders", ["me", '"x"', 0, 1000.0, [[[["p", "t"], "k"], 1, 0.0, 0.0, False]]]),
        ("holders", 7),
        ("settings", [[["p", "t", "j"], "k"], "uid:0", {"a": 1}]),
        ("settings", [[["p", "t", "j"], "k"], "uid:0", None, "", 0, 0, 0, {}, [], [], {"a": -1}]),
        ("holders", ["me", '"x"', 10, 1000.0, []]),
        (
            "settings",
            [[["p", "t", "j"], "k"], "uid:0", None, "", 0, 0, 0, {}, [], [], {}, 1e300],
        ),
        ("revisions", "x"),
        ("revisions", [1, 2**63 - 1]),
    ],
)
def test_a_row_that_is_none_is_left_out_alone(node, part, row):
    """The others are taken up."""
    Controlled(node.world)
    Holder(node.world, "good").put(resolution=360)
    node.file.save()
    state = json.loads(node.path.read_text())
    if part == "revisions":
        state[part] = row
    else:
        state[part].append(row)
    node.path.write_text(json.dumps(state))
    world = node.start()
    assert list(world.control.leases.holders) == ["good"]
    assert len(world.control.settings) == 1
    assert world.value("waggle_collector_state_left_out_total") == 1


def test_the_longest_lease_bounds_what_a_file_says(node):
    """Whatever stands there."""
    Controlled(node.world)
    Holder(node.world).put(resolution=360)
    node.file.save()
    state = json.loads(node.path.read_text())
    state["holders"][0][3] = state["holders"][0][4][0][3] = 1e8
    state["settings"][0][4] = 1e8
    node.path.write_text(json.dumps(state))
    world = node.start()
    (entry,) = Controlled(world, "session-2").last_set["knobs"]
    assert entry["seconds"] <= 60
