"""How many processes, series and tombstones there may be, and who gives way."""

from waggle_live_collector.limits import Limits
from waggle_live_collector.table import tombstones as module

from ..world import World, counter, timer


def count(world, name="a", **labels):
    return world.value("waggle_count_total", name=name, **labels)


def test_tombstones_of_ended_processes_are_bounded_in_number_and_age(monkeypatch):
    """The oldest go first; all go after their time."""
    monkeypatch.setattr(module, "DEFAULT_MAX_CLOSED", 5)
    world = World()
    for number in range(8):
        world.peer(f"session-{number}").bye()
    assert list(world.processes.tombstones.closed) == [
        f"session-{number}" for number in range(3, 8)
    ]
    world.pass_(module.DEFAULT_CLOSED_SECONDS + 1, step=50)
    assert not world.processes.tombstones.closed


def test_tombstones_of_lost_processes_are_bounded_by_count_and_cells(monkeypatch):
    """What had to go is counted."""
    monkeypatch.setattr(module, "DEFAULT_MAX_EXPIRED", 3)
    world = World(hold_time=1)
    world.peer("session-x")
    for number in range(5):
        peer = world.peer(f"session-{number}")
        peer.update(1, counter("a", 1), counter("b", 1))
        peer.close()
    world.pass_(3)
    assert len(world.processes.tombstones.expired) == 3
    monkeypatch.setattr(module, "DEFAULT_MAX_EXPIRED_ROWS", 4)
    peer = world.peer("session-9")
    peer.update(1, counter("a", 1), counter("b", 1))
    peer.close()
    world.pass_(3)
    assert len(world.processes.tombstones.expired) == 2
    assert world.value("waggle_collector_evictions_total", what="lost_session") == 4
    assert count(world) == 6


def test_the_series_limit_of_a_process_refuses_new_series_only():
    """The excess is refused and counted by principal; known series go on."""
    world = World(limits=Limits(series_per_process=2))
    peer = world.peer()
    answers = peer.update(1, counter("a", 1), counter("b", 1), counter("c", 1), counter("a", 2))
    assert [answer["code"] for answer in answers] == ["series_limit"]
    assert count(world) == 2
    assert (
        world.value("waggle_collector_refusals_total", reason="series_limit", principal="uid:-1")
        == 1
    )


def test_the_total_limit_makes_room_among_the_dead_first():
    """Held processes and plugins that left give way; only then is anything refused."""
    world = World(limits=Limits(series=6, series_per_process=2))
    for number in range(3):
        peer = world.peer(f"session-{number}", plugin=f"plugin-{number}")
        peer.update(1, counter("a", 1), counter("b", 1))
        if number < 2:
            peer.close()
    fresh = world.peer("session-3", plugin="fresh")
    assert fresh.update(1, counter("a", 1), counter("b", 1)) == []
    assert count(world, plugin="fresh") == 1
    assert count(world, plugin="plugin-2") == 1
    evicted = world.scrape().all("waggle_collector_evictions_total")
    assert sum(value for _, value in evicted) >= 1


def test_the_total_limit_refuses_when_everybody_lives():
    """The answer says which limit it was."""
    world = World(limits=Limits(series=2, series_per_process=2))
    world.peer("session-1").update(1, counter("a", 1), counter("b", 1))
    answers = world.peer("session-2", plugin="other").update(1, counter("a", 1))
    assert [answer["code"] for answer in answers] == ["total_series_limit"]
    assert world.table.series == 2


def test_the_process_limit_folds_held_processes_first():
    """Dead processes don't keep living ones out; when all live, the next is refused."""
    world = World(limits=Limits(processes=2))
    one = world.peer("session-1")
    one.update(1, counter("a", 3))
    one.close()
    world.peer("session-2")
    world.peer("session-3")
    assert world.value("waggle_plugin_exits_total", status="lost") == 1
    late = world.peer(None)
    assert late.hello("session-4")[0]["code"] == "session_limit"
    assert late.closed
    assert count(world) == 3


def test_the_plugin_limit_drops_the_plugin_that_left_first():
    """Plugins that come and go under ever new names don't fill the table."""
    world = World(limits=Limits(plugins=3))
    for number in range(10):
        world.peer(f"session-{number}", plugin=f"plugin-{number}").bye()
        world.time.pass_(1)
    names = [plugin.identity.plugin for plugin in world.table.plugins.values()]
    assert names == ["plugin-7", "plugin-8", "plugin-9"]
    for number in range(3):
        world.peer(f"session-x{number}", plugin=f"living-{number}")
    late = world.peer(None)
    assert late.hello("session-y", plugin="one-too-many")[0]["code"] == "session_limit"


def test_refused_first_cells_leave_no_series_behind():
    """Ten thousand bad names cost nothing but their errors."""
    world = World()
    peer = world.peer()
    for number in range(1, 200):
        peer.update(number, timer(f"t{number}", {0: 1}, count=5))
    (plugin,) = world.table.plugins.values()
    assert (plugin.series, plugin.stamps, world.table.series) == ({}, {}, 0)


def test_series_of_plugins_that_left_make_room_for_new_ones():
    """The one that left first goes; where all live, the new series is refused."""
    world = World(limits=Limits(series=4, series_per_process=2))
    for number in range(2):
        peer = world.peer(f"session-{number}", plugin=f"plugin-{number}")
        peer.update(1, counter("a", 1), counter("b", 1))
        peer.bye()
        world.time.pass_(1)
    fresh = world.peer("session-2", plugin="fresh")
    assert fresh.update(1, counter("a", 1), counter("b", 1)) == []
    assert count(world, plugin="plugin-0") is None
    assert count(world, plugin="plugin-1") == 1
    world.peer("session-3", plugin="plugin-1")
    (error,) = world.peer("session-4", plugin="fresh").update(1, counter("c", 1))
    assert error["code"] == "total_series_limit"


def test_a_held_process_whose_plugin_had_to_go_begins_anew():
    """What it had counted left with the plugin; it is neither lost nor counted twice."""
    world = World(limits=Limits(plugins=1))
    for name in ("session-1", "session-2"):
        peer = world.peer(name, plugin="first")
        peer.update(1, counter("a", 3))
        peer.close()
    world.peer("session-3", plugin="second").bye()
    back = world.peer(None)
    assert back.hello("session-1", plugin="first")[0]["resumed"] is False
    back.update(2, counter("a", 4))
    assert count(world, plugin="first") == 4
    world.pass_(2)
    assert list(world.processes.by_id) == ["session-1"]
    assert world.table.cells == 1
