"""What is recorded each five seconds, who pays for it, and what is told of it."""

import pytest

from waggle_live_collector.budget import What
from waggle_live_collector.history.curve import LENGTH, STEP_SECONDS
from waggle_live_collector.identity.peer import Peer as Credentials

from ..world import World, counter, gauge, rate, timer

MS = 1_000_000


def told(world, kind, name=""):
    """Return the one series of that kind and name."""
    found = [
        series
        for plugin in world.curves()["plugins"]
        for series in plugin["series"]
        if (series["kind"], series["name"]) == (kind, name)
    ]
    (series,) = found
    return series


def reporting(world, seconds, peer=None):
    """Have a peer report each second; return it."""
    peer = peer or world.peer()
    for _ in range(seconds):
        peer.at = getattr(peer, "at", 0) + 1
        n = peer.at
        peer.update(
            n,
            timer("t", {-56: 10 * n}, 78 * MS * n, last=7_800_000),
            rate("r", 20 * n),
            gauge("g", n + 1234.5),
            counter("c", 3.0 * n, place="x"),
            {"kind": "messages", "name": "m", "value": 2 * n},
            {"kind": "uploads", "value": n},
            process={"cpu_seconds": 0.5 * n, "memory_bytes": 1_000_000 + n},
        )
        world.pass_(1)
    return peer


def test_each_kind_has_a_value_for_each_step():
    """What the API tells at the end of the step, oldest first."""
    world = World()
    reporting(world, 31)
    curves = world.curves()
    assert (curves["step"], curves["now"]) == (STEP_SECONDS, world.time.now())
    assert curves["until"] == curves["now"] - 1
    (plugin,) = curves["plugins"]
    assert plugin["plugin"] == plugin["plugin_task"] == "plugin"
    assert told(world, "timer", "t")["values"] == pytest.approx([0.0078] * 6)
    assert told(world, "timer", "t")["p95"] == pytest.approx([0.0078] * 6, rel=0.05)
    assert told(world, "rate", "r")["values"][1:] == pytest.approx([20] * 5, rel=0.1)
    assert told(world, "gauge", "g")["values"] == [1234.5 + 5 * n for n in range(1, 7)]
    c = told(world, "counter", "c")
    assert c["labels"] == {"place": "x"}
    assert c["values"] == [None, *[3.0] * 5]
    assert told(world, "messages", "m")["values"][1:] == pytest.approx([2] * 5, rel=0.1)
    assert told(world, "uploads")["values"][1:] == pytest.approx([1] * 5, rel=0.1)
    assert told(world, "cpu")["values"][1:] == pytest.approx([0.5] * 5, rel=0.1)
    assert told(world, "memory")["values"][-1] == pytest.approx(1_000_030, rel=1e-6)


def test_no_curve_is_longer_than_ten_minutes():
    """The oldest value goes; a series that came later has fewer."""
    world = World()
    peer = reporting(world, 700)
    peer.update(701, gauge("late", 1))
    reporting(world, STEP_SECONDS, peer)
    assert len(told(world, "gauge", "g")["values"]) == LENGTH == 120
    assert told(world, "gauge", "late")["values"] == [1]


def test_what_is_not_heard_has_no_values():
    """A silent plugin's curve breaks off; what its counter rose by meanwhile is no burst."""
    world = World()
    peer = reporting(world, 20)
    world.pass_(20)
    for kind, name in (("gauge", "g"), ("timer", "t"), ("counter", "c"), ("memory", "")):
        assert told(world, kind, name)["values"][-2:] == [None, None]
    peer.at += 100
    reporting(world, 15, peer)
    assert told(world, "counter", "c")["values"][-3:] == [None, 3, 3]


def test_steps_that_were_missed_are_empty():
    """A collector that was stopped for a while keeps the place of what came before."""
    world = World()
    peer = reporting(world, 20)
    world.time.pass_(30)
    reporting(world, 10, peer)
    before, after = [1234.5 + 5 * n for n in range(1, 5)], [1255.5, 1259.5, 1264.5]
    assert told(world, "gauge", "g")["values"] == [*before, *[None] * 5, *after]
    world.time.pass_(1e5)
    world.pass_(STEP_SECONDS)
    assert set(told(world, "gauge", "g")["values"][:-1]) == {None}


def test_what_is_gone_leaves_it():
    """The curves go with the plugin, and so do their bytes."""
    world = World(hold_time=10.0)
    peer = reporting(world, 20)
    assert world.budget.root.held[What.CURVES] > 0
    peer.bye()
    peer.close()
    world.pass_(30)
    assert world.curves()["plugins"] == []
    assert world.budget.root.held[What.CURVES] == 0


def test_the_curves_are_the_first_to_go():
    """Of who fills the whole they go before recent values do; after ten minutes they begin anew."""
    world = World(memory=1_000_000, reserve=0)
    peer = world.peer()
    peer.update(1, *[gauge(f"g{n}", 1) for n in range(40)])
    peer.at = 1
    reporting(world, 11, peer)
    assert world.budget.root.held[What.CURVES] > 0
    for number in range(200):
        world.peer(f"worker-{number}", Credentials(process=number))
        if not world.budget.root.held[What.CURVES]:
            break
    assert world.budget.root.held[What.CURVES] == 0
    assert world.budget.root.held[What.HISTORY] > 0
    assert world.curves()["plugins"][0]["series"] == []
    world.budget.limit *= 2
    reporting(world, LENGTH * STEP_SECONDS - 20, peer)
    assert world.curves()["plugins"][0]["series"] == []
    reporting(world, 30, peer)
    assert told(world, "gauge", "g")["values"]


def test_a_stepped_wall_clock_moves_no_curve():
    """Steps are counted by the monotonic clock; only the shown time is another."""
    world = World()
    peer = reporting(world, 20)
    world.time.wall -= 1200
    reporting(world, 10, peer)
    curves = world.curves()
    assert curves["now"] == world.time.now()
    assert 0 <= curves["now"] - curves["until"] < STEP_SECONDS
    assert len(told(world, "gauge", "g")["values"]) == 6


def test_what_is_no_number_is_null():
    """NaN and the infinities, and what is too large for single precision."""
    world = World()
    world.peer().update(1, gauge("a", "NaN"), gauge("b", "+Inf"), gauge("c", 1e300))
    world.pass_(4)
    world.peer("session-2").update(2, gauge("d", -1.5))
    world.pass_(1)
    for name in "abc":
        assert set(told(world, "gauge", name)["values"]) == {None}
    assert told(world, "gauge", "d")["values"] == [-1.5]


def test_a_reader_is_told_of_one_step():
    """A step that is recorded while the answer is made doesn't shift the curves told of later."""
    world = World()
    peer = world.peer()
    peer.update(1, *[gauge(f"g{n}", 1) for n in range(200)])
    world.pass_(4)
    peer.update(2, gauge("g", 1))
    world.pass_(4)
    peer.update(3, gauge("g", 1))
    world.pass_(2)
    pieces = world.past.text()
    text = b"".join(next(pieces) for _ in range(20))
    peer.update(4, *[gauge(f"g{n}", 2) for n in range(200)])
    world.pass_(STEP_SECONDS)
    text += b"".join(pieces)
    assert text.count(b'"values":[1,1]') == 201
