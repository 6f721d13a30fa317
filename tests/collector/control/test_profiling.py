"""A profile on demand: the knob is held, stacks come, and nothing is left on."""

import asyncio

import pytest

from waggle_live.wire.stacks import MAX_STACKS, flame_graph
from waggle_live_collector.control import orders, profiling
from waggle_live_collector.control.orders import OrderError
from waggle_live_collector.control.profile import Profile
from waggle_live_collector.control.profiling import Profiling, Wish

from ..world import World
from .holders import PROFILE, Controlled, Holder


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Renew and look often, so that a profile is a short one; wait long on a busy machine."""
    monkeypatch.setattr(profiling, "RENEW_SECONDS", 0.05)
    monkeypatch.setattr(profiling, "WAIT_SECONDS", 30.0)


def wish(seconds=1.0, plugin="plugin", hz=99):
    """Return a wish; shorter than what HTTP allows."""
    return Wish(plugin, seconds=seconds, hz=hz)


def run(world, wished, *meanwhile):
    """Profile, and do each thing once its condition is true; return what came of it."""

    async def both():
        orders = Holder(world).orders
        task = asyncio.create_task(Profiling(world.control, orders).profile(wished))
        async with asyncio.timeout(30):
            for condition, do in meanwhile:
                while not condition():
                    await asyncio.sleep(0.005)
                do(task)
            return await task

    return asyncio.run(both())


def say(plugin, stacks):
    """Have a process tell stacks under the revision that it was sent."""
    revision = plugin.knobs["__profile"]["revision"]
    plugin.peer.say({"type": "stacks", "number": 1, "revision": revision, "stacks": stacks})


def test_stacks_of_all_processes_are_added_up():
    """In CPU time where it is known, in microseconds; the sampler is off afterwards."""
    world = World()
    one = Controlled(world, "session-1", knobs=[PROFILE])
    two = Controlled(world, "session-2", knobs=[PROFILE])

    def begin(_):
        for each in (one, two):
            assert each.last_set["stacks"] is True
            assert each.has() == {"__profile": 99}
            each.obey()
        say(one, {"main;detect": [5_000_000, 1_000_000], "main": [9, 9]})
        say(two, {"main;detect": [5_000_000, 2_000_000]})
        say(one, {"main;detect": [9_000_000, 4_000_000]})

    def end(_):
        assert one.has() == {}
        say(one, {"main;detect": [9_000_000, 5_000_000]})
        one.obey()
        two.obey()

    text, of = run(world, wish(0.3), (one.has, begin), (lambda: not one.has(), end))
    assert (text, of) == ("main;detect 7000\n", "cpu")
    assert not world.control.profiles
    assert not world.control.leases.holders
    assert one.peer.protocol.process.account.children.keys() == {"knobs"}


def test_without_cpu_time_it_is_wall_time():
    """One process that doesn't know it is enough."""
    world = World()
    one = Controlled(world, "session-1", knobs=[PROFILE])
    two = Controlled(world, "session-2", knobs=[PROFILE])

    def begin(_):
        one.obey()
        two.obey()
        say(one, {"a;b\nc": [5_000_000, None]})
        say(two, {"a": [2_000_000, 1_000_000]})

    def end(_):
        one.obey()
        two.obey()

    text, of = run(world, wish(0.2), (one.has, begin), (lambda: not one.has(), end))
    assert (text, of) == ("a 2000\na;b?c 5000\n", "wall")


def test_a_thread_without_a_clock_does_not_cost_the_others_theirs():
    """Where a process knows the CPU time of some stacks, those without it took none."""
    stacks = {"main": (9_000_000, 4_000_000), "unknown": (8_000_000, None), "short": (999, 999)}
    assert flame_graph([stacks]) == ("main 4000\n", "cpu")


def test_who_goes_away_releases_the_knob():
    """Cancelled, as aiohttp does for a client that has left."""
    world = World()
    one = Controlled(world, knobs=[PROFILE])
    with pytest.raises(asyncio.CancelledError):
        run(world, wish(30), (one.has, lambda task: task.cancel()))
    assert one.has() == {}
    assert not world.control.profiles


def test_stacks_that_nobody_asked_for_are_ignored():
    """Of another revision, or without a profile."""
    world = World()
    one = Controlled(world, knobs=[PROFILE])
    stacks = {"type": "stacks", "number": 1, "revision": 7, "stacks": {"a": [10**7, 10**7]}}
    assert one.peer.say(stacks) == []

    def begin(_):
        one.peer.say(stacks)
        one.obey()

    def end(_):
        one.obey()

    text, _ = run(world, wish(0.2), (one.has, begin), (lambda: not one.has(), end))
    assert text == ""


@pytest.mark.parametrize("case", ["no plugin", "pinned", "twice", "held"])
def test_what_cannot_be_profiled_is_said(case):
    """And nothing is left behind."""
    world = World()
    plugin = Controlled(world, knobs=[PROFILE])
    wished = wish(0.1, plugin="other" if case == "no plugin" else "plugin")
    if case == "pinned":
        plugin.tell(__profile={"source": "pinned"})
    elif case == "twice":
        world.control.profiles[plugin.peer.protocol.process.plugin.identity] = Profile()
    elif case == "held":
        Holder(world, priority=9).put(__profile=10)
    with pytest.raises(OrderError) as caught:
        run(world, wished)
    assert caught.value.status == (404 if case == "no plugin" else 409)
    assert len(world.control.leases.holders) == (case == "held")


def test_a_process_that_tells_too_many_stacks_has_the_rest_left_out():
    """By number and by bytes; what is known goes on."""
    world = World()
    account = world.budget.account("uid:1", "p", "stacks")
    profile = Profile()
    for number in range(3 * MAX_STACKS):
        profile.take("p", {f"main;f{number}": (10**6, 10**6)}, account)
    assert len(profile.stacks["p"]) == MAX_STACKS + 1
    profile.take("q", {"x" * 200_000 + str(n): (10**6, 1) for n in range(9)}, account)
    assert len(profile.stacks["q"]) < 5
    profile.close()
    assert world.budget.root.total == 0


def test_a_profile_needs_a_place_among_the_holders(monkeypatch):
    """Without one it is refused, and nothing is left of it."""
    monkeypatch.setattr(orders, "DEFAULT_MAX_HOLDERS", 0)
    world = World()
    Controlled(world, knobs=[PROFILE])
    with pytest.raises(OrderError) as caught:
        run(world, wish())
    assert (caught.value.outcome, caught.value.status) == ("budget", 503)
    assert not world.control.profiles
