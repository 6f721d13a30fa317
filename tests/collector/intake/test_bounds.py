"""What there is room for, who is refused, and who gives way."""

import pytest
from msgspec.json import decode

from waggle_live_collector.budget import What
from waggle_live_collector.identity.peer import PROVEN, Handle, Peer
from waggle_live_collector.limits import Limits
from waggle_live_collector.table import table as table_module
from waggle_live_collector.table import tombstones as module

from ..world import World, counter, gauge, rate, timer

KIB = 1024
#: A world whose budget is small, and all of it free for whoever comes first.
SMALL = {"memory": 200 * KIB, "reserve": 0}


def principal(name, process=1):
    """Return what the kernel tells of a process of a principal."""
    return Peer(principal=name, process=process)


def count(world, name="a", **labels):
    return world.value("waggle_count_total", name=name, **labels)


def fill(world, process="session-fill", plugin="fill", name="uid:666", **more):
    """Have a principal make series until it is refused; return its peer, and how many it got."""
    peer = world.peer(process, principal(name, process), plugin=plugin, **more)
    for number in range(1, 10_000):
        if peer.update(number, counter(f"{plugin}.c{number}", 1)):
            return peer, number - 1
    raise AssertionError("never refused")


def test_tombstones_of_ended_processes_leave_after_their_time():
    """The oldest go first."""
    world = World()
    for number in range(3):
        world.peer(f"session-{number}").bye()
        world.pass_(1)
    world.pass_(module.DEFAULT_CLOSED_SECONDS - 2, step=50)
    assert list(world.processes.tombstones.closed.rows) == ["session-2"]


def test_the_series_limit_of_a_process_refuses_new_series_only():
    """The excess is refused and counted by principal; known series go on."""
    world = World(limits=Limits(series_per_process=2))
    peer = world.peer()
    answers = peer.update(1, counter("a", 1), counter("b", 1), counter("c", 1), counter("a", 2))
    assert [answer["code"] for answer in answers] == ["series_limit"]
    assert count(world) == 2
    limit = {"reason": "series_limit", "principal": "uid:-1"}
    assert world.value("waggle_collector_refusals_total", **limit) == 1


def test_who_fills_the_budget_is_refused_and_named():
    """What is refused is told whole, so that a client can fold it; known series go on."""
    world = World(**SMALL)
    peer, got = fill(world)
    assert 20 < got < 200
    world.budget.limit *= 2  # the connection gets none even so
    (error,) = peer.update(10_001, counter("z", 1, a="b"), counter("fill.c1", 2))
    assert error["code"] == "budget"
    assert decode(error["refused"]) == {"kind": "counter", "name": "z", "labels": {"a": "b"}}
    assert count(world, "fill.c1") == 2
    losses = {"principal": "uid:666", "what": "series"}
    assert world.value("waggle_collector_budget_losses_total", **losses) >= 1
    assert world.value("waggle_collector_budget_bytes", **losses) == world.budget.root.total
    assert world.value("waggle_collector_budget_limit_bytes") == 400 * KIB
    assert world.budget.root.total <= 200 * KIB
    peer.close()
    back = world.peer("session-fill", principal("uid:666"), plugin="fill")
    assert back.update(10_002, counter("z", 1)) == []


def test_what_stands_for_all_that_is_refused_always_has_room():
    """The client's own series and its reports of problems are part of what a process takes."""
    world = World(**SMALL)
    peer, _ = fill(world)
    overflow = "__overflow__"
    cells = [counter(overflow, 1), gauge(overflow, 1), rate(overflow, 1)]
    problem = {"kind": "problem", "name": "series_limit", "value": 3}
    assert peer.update(10_001, *cells, {"kind": "uploads", "value": 1}, problem) == []
    assert count(world, overflow) == 1


def test_a_stranger_that_fills_the_budget_costs_nobody_else_anything():
    """Neither living nor held nor ended neighbours, nor their recent values; they even grow."""
    world = World(memory=2 << 20, reserve=64 * KIB)
    living = world.peer("session-live", principal("uid:1"), plugin="living")
    for number in (1, 2):
        living.update(number, timer("t", {0: number}), counter("a", 1))
    held = world.peer("session-held", principal("uid:2"), plugin="held")
    held.update(1, counter("a", 2))
    held.close()
    ended = world.peer("session-ended", principal("uid:3"), plugin="ended")
    ended.update(1, counter("a", 3))
    ended.bye()
    before = world.scrape()
    fill(world)
    for number in range(30):
        late = world.peer(None, principal("uid:666", number))
        late.hello(f"session-x{number}", plugin=f"x{number}")
        late.update(1, *[counter(f"c{number}", 1) for number in range(100)])
    assert world.budget.root.total > 2**20 - 20 * KIB
    after = world.scrape()
    for plugin, value in {"living": 1, "held": 2, "ended": 3}.items():
        assert after.value("waggle_count_total", plugin=plugin) == value
    recent = "waggle_timer_recent_seconds"
    assert after.all(recent) == before.all(recent) != []
    assert living.update(3, *[counter(f"b{number}", 1) for number in range(10)]) == []
    held = world.peer("session-held", principal("uid:2"), plugin="held")
    assert held.update(2, counter("a", 4)) == []
    assert count(world, plugin="held") == 4
    assert world.budget.losses.keys() == {"other", "uid:666"}


def test_buckets_are_room_too():
    """Where there is none for more, durations count in the outermost buckets that there are."""
    world = World(**SMALL)
    peer, names = world.peer(), [f"t{number}" for number in range(15)]
    assert peer.update(1, *[timer(name, {0: 1, 1: 1}) for name in names]) == []
    for number in range(2, 5):
        wide = dict.fromkeys(range(-200, 160), number)
        assert peer.update(number, *[timer(name, wide) for name in names]) == []
        assert world.budget.root.total <= 200 * KIB
        for name in names:
            assert world.value("waggle_timer_seconds_count", name=name) == 360 * number
    (process,) = world.processes.all()
    assert {len(row.buckets.counts) for row in process.cells} == {2, 360}


def test_history_goes_before_new_series_are_refused():
    """Recent values are then absent, for good; the totals stay, and so does all else."""
    world = World(**SMALL)
    peer = world.peer("session-1", principal("uid:666"), plugin="fill")
    cells = [{"kind": "rate", "name": f"r{number}", "count": 3, "sum": 3} for number in range(30)]
    assert peer.update(1, *cells, {"kind": "messages", "name": "m", "value": 1}) == []
    peer.update(2, *[{**cell, "count": 5} for cell in cells])
    assert world.value("waggle_rate_per_second", name="r7") > 0
    assert world.budget.root.held[What.HISTORY] > 0
    _, got = fill(world, "session-2")
    assert got > 10
    assert world.budget.losses["uid:666"][What.HISTORY] == 1
    peer.update(3, *[{**cell, "count": 9} for cell in cells])
    assert world.value("waggle_rate_per_second", name="r7") is None
    assert world.value("waggle_rate_events_total", name="r7") == 9
    (plugin,) = decode(world.json())["plugins"]
    assert {one["per_second"] for one in plugin["rates"]} == {None}
    assert plugin["messages_per_second"] == {"m": None}


def test_the_dead_that_nothing_proved_make_room():
    """A plugin without processes goes whole; one whose pod is proven stays for its time."""
    world = World(**SMALL)
    for number in range(3):
        name = f"pod:{number}" if number == 1 else f"uid:{number}"
        proof = {"pod": "1", "proof": PROVEN} if number == 1 else {}
        peer = Peer(principal=name, process=number, **proof)
        peer = world.peer(f"session-{number}", peer, plugin=f"plugin-{number}")
        peer.update(1, *[counter(f"c{n}", 1) for n in range(20)])
        peer.bye()
    for number in range(5):
        fill(world, f"session-x{number}", name="uid:2", plugin="plugin-2")
    assert count(world, "c0", plugin="plugin-1") == 1
    # Of no principal that holds less: it is the one's that asks, or larger.
    assert count(world, "c0", plugin="plugin-0") == 1
    assert world.budget.root.total <= 200 * KIB


def test_ever_new_plugins_push_out_the_dead_of_their_own_principal():
    """A year of daily jobs: the table stays within its bounds, and the newest are shown."""
    world = World(**SMALL)
    for number in range(300):
        credentials = principal("uid:0", number)
        peer = world.peer(f"session-{number:04d}", credentials, plugin=f"plugin-{number:04d}")
        assert peer.update(1, counter("a", 1)) == []
        peer.bye()
        world.time.pass_(1)
    assert world.budget.root.total <= 200 * KIB
    assert count(world, plugin="plugin-0299") == 1
    assert count(world, plugin="plugin-0000") is None
    assert world.budget.losses["uid:0"][What.LEFT] > 10
    assert world.refusals() == {}
    world.pass_(24 * 3600 + 301, step=600)
    assert world.budget.root.total == 0
    assert not world.budget.root.children


def test_a_lost_process_whose_rows_had_to_go_is_refused_when_it_returns():
    """It would be counted twice."""
    world = World(hold_time=1, **SMALL)
    world.peer("session-other", principal("uid:666", 9), plugin="fill")
    lost = world.peer("session-lost", principal("uid:666", 1), plugin="fill")
    lost.update(1, *[counter(f"c{number}", 1) for number in range(30)])
    lost.close()
    world.pass_(3)
    for number in range(2, 20):
        living = world.peer(None, principal("uid:666", number))
        living.hello(f"session-{number}", plugin="fill")
        living.update(1, *[counter(f"c{number}.{each}", 1) for each in range(5)])
    assert world.processes.tombstones.expired["session-lost"].forgotten
    back = world.peer(None, principal("uid:666", 2))
    back.hello("session-lost", plugin="fill")
    assert back.update(2, counter("c0", 2))[0]["code"] == "session_ended"
    assert count(world, "c0") == 1


def test_a_process_that_the_kernel_says_is_gone_is_soon_forgotten():
    """Its rows are kept for an hour, should its session go on from another process."""
    world = World()
    world.peer("session-other")
    peer = world.peer("session-1", Peer(handle=Handle(None), principal="uid:1"))
    peer.update(1, counter("a", 3))
    peer.close()
    world.pass_(2)
    assert list(world.processes.tombstones.expired) == ["session-1"]
    assert world.budget.root.held[What.ENDED] > 0
    peer = world.peer("session-1", Peer(handle=Handle(None), principal="uid:1"))
    peer.update(2, counter("a", 5))
    assert count(world) == 5
    peer.close()
    world.pass_(3700, step=60)
    assert not world.processes.tombstones.expired
    assert count(world) == 5


def test_more_processes_than_the_limit_are_refused():
    """Those that are connected count; none that is held is given up for a stranger."""
    world = World(limits=Limits(processes=2))
    one = world.peer("session-1")
    one.update(1, counter("a", 3))
    one.close()
    world.peer("session-2")
    world.peer("session-3")
    late = world.peer(None)
    assert late.hello("session-4")[0]["code"] == "session_limit"
    assert late.closed
    world.peer("session-1").update(2, counter("a", 5))
    assert count(world) == 5


def test_a_plugin_that_finds_no_room_at_all_is_refused_and_may_come_again():
    """At its hello; nothing of it stays."""
    world = World(memory=30 * KIB, reserve=0)
    first = world.peer("session-1", principal("uid:1"), plugin="first")
    late = world.peer(None, principal("uid:2"))
    assert late.hello("session-2", plugin="late")[0]["code"] == "budget"
    assert late.closed
    assert list(world.processes.by_id) == ["session-1"]
    assert world.budget.root.total == world.budget.account("uid:1").total
    first.bye()
    world.pass_(301)
    world.peer("session-2", principal("uid:2"), plugin="late")


@pytest.mark.parametrize(
    ("limit", "value"), [("DEFAULT_MAX_LINES", 1000), ("DEFAULT_MAX_TEXT", 120_000)]
)
def test_a_node_shows_no_more_than_a_prometheus_takes(limit, value, monkeypatch):
    """Who holds more than its reserve is refused; those within it still have room."""
    monkeypatch.setattr(table_module, limit, value)
    world = World(reserve=64 * KIB)
    _, got = fill(world)
    assert 300 < got < 600
    late = world.peer("session-late", principal("uid:1"), plugin="late")
    assert late.update(1, counter("a", 1)) == []
    lines = [line for line in world.table_text().split(b"\n") if line and line[:1] != b"#"]
    assert abs(len(lines) - world.table.lines) < 20
    assert sum(map(len, lines)) < world.table.text < 1.5 * sum(map(len, lines))


def test_refused_first_cells_leave_no_series_behind():
    """Ten thousand bad names cost nothing but their errors."""
    world = World()
    peer = world.peer()
    held = world.budget.root.total
    for number in range(1, 200):
        peer.update(number, timer(f"t{number}", {0: 1}, count=5))
    (plugin,) = world.table.plugins.values()
    assert (plugin.series, plugin.stamps, world.table.series) == ({}, {}, 0)
    assert world.budget.root.total == held


def test_a_held_process_whose_plugin_had_to_go_begins_anew():
    """What it had counted left with the plugin; it is neither lost nor counted twice."""
    world = World(hold_time=1, **SMALL)
    peer = world.peer("session-1", principal("uid:1"), plugin="first")
    peer.update(1, counter("a", 3))
    peer.close()
    world.pass_(3)
    assert list(world.processes.tombstones.expired) == []
    back = world.peer(None, principal("uid:1"))
    assert back.hello("session-1", plugin="first")[0]["resumed"] is False
    back.update(2, counter("a", 4))
    assert count(world, plugin="first") == 4
    assert list(world.processes.by_id) == ["session-1"]
    assert world.table.cells == 1
