"""What a restart does to the budget: all that was held is held again, room or no room."""

import json

import pytest

from tests.collector.world import Time, World, counter, timer
from waggle_live_collector.budget import UNKNOWN, What
from waggle_live_collector.identity.peer import Peer

KIB = 1024


def filled(time, path):
    """Return a world that a stranger filled beside a neighbour; both are in the state file."""
    world = World(time=time, memory=800 * KIB, reserve=32 * KIB)
    victim = world.peer("session-victim", Peer(principal="uid:1"), plugin="victim")
    victim.update(1, counter("good", 1000), timer("t", {0: 3}))
    left = world.peer("session-left", Peer(principal="uid:2"), plugin="left")
    left.update(1, counter("good", 50))
    left.bye()
    stranger = world.peer("session-bad", Peer(principal="uid:666"), plugin="bad")
    for number in range(1000):
        stranger.update(number + 1, counter(f"c{number}", 1))
    assert world.refusals()["budget"] > 0
    world.state_file(path).save()
    return world


def test_a_restart_takes_all_that_the_file_holds_even_over_the_limit(tmp_path):
    """Nothing of it is refused or lost; what is new is, until there is room."""
    time = Time()
    before = filled(time, tmp_path / "state")
    after = World(time=time, memory=200 * KIB, reserve=32 * KIB)
    assert after.state_file(tmp_path / "state").load()
    assert after.table.series == before.table.series
    for principal in ("uid:1", "uid:2", "uid:666"):
        held = [world.budget.account(principal).held for world in (before, after)]
        assert held[0] == held[1]
    assert after.budget.losses == {"other": {}}
    stranger = after.peer("session-bad", Peer(principal="uid:666"), plugin="bad")
    (error,) = stranger.update(2000, counter("new", 1), counter("c1", 2))
    assert error["code"] == "budget"
    assert after.value("waggle_count_total", name="c1") == 2


def test_a_stranger_that_is_back_first_pushes_nobody_out(tmp_path):
    """What others held is theirs when they return; nothing of it is counted twice."""
    time = Time()
    filled(time, tmp_path / "state")
    world = World(time=time, memory=800 * KIB, reserve=32 * KIB)
    assert world.state_file(tmp_path / "state").load()
    for number in range(50):
        stranger = world.peer(None, Peer(principal="uid:666", process=number))
        stranger.hello(f"session-bad{number}", plugin=f"bad{number}")
        stranger.update(1, *[counter(f"new{each}", 1) for each in range(100)])
    assert world.processes.awaited == {"session-victim", "session-bad"}
    victim = world.peer("session-victim", Peer(principal="uid:1"), plugin="victim")
    assert victim.update(2, counter("good", 2000), timer("t", {0: 4})) == []
    scrape = world.scrape()
    assert scrape.value("waggle_count_total", name="good", plugin="victim") == 2000
    assert scrape.value("waggle_count_total", name="good", plugin="left") == 50
    assert scrape.value("waggle_timer_seconds_count", plugin="victim") == 4
    assert world.budget.losses.keys() == {"other", "uid:666"}


def test_what_a_file_tells_no_holder_of_is_held_even_so(tmp_path):
    """That of the release before: it is nobody's by name, until the process is back."""
    time = Time()
    before = World(time=time)
    before.peer(plugin="old").update(1, counter("a", 1))
    for owner in (*before.table.plugins.values(), *before.processes.all()):
        owner.principal, owner.paid = UNKNOWN, {}
    before.state_file(tmp_path / "state").save()
    after = World(time=time)
    assert after.state_file(tmp_path / "state").load()
    unknown = after.budget.account(UNKNOWN).held[What.SERIES]
    assert unknown == after.budget.root.total > 10_000
    after.peer(credentials=Peer(principal="uid:5"), plugin="old")
    assert 0 < after.budget.account("uid:5").total < unknown
    assert after.budget.root.total == unknown


@pytest.mark.parametrize("paid", [{}, {"uid:1": 0}, {"uid:1": 2**62, "uid:2": 2**63 - 1}])
def test_what_nobody_can_have_paid_is_estimated_anew(tmp_path, paid):
    """A wrong number in the file neither fills the whole nor leaves a plugin out."""
    time, path = Time(), tmp_path / "state"
    before = filled(time, path)
    content = json.loads(path.read_text())
    for row in content["plugins"]:
        assert row[-1]
        row[-1] = paid
    path.write_text(json.dumps(content))
    after = World(time=time, memory=800 * KIB, reserve=32 * KIB)
    assert after.state_file(path).load()
    held = [world.budget.root.held[What.SERIES] for world in (before, after)]
    assert 0.9 < held[1] / held[0] < 1.1
