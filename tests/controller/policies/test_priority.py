"""``PriorityAllocator``, by hand and on a simulated node."""

import pytest

from waggle_live_controller.policies.deadline import DeadlinePolicy
from waggle_live_controller.policies.priority import Claim, PriorityAllocator, Usage

from .node_plant import NodePlant, SharingPlugin

#: Four plugins of 20 frames/s that want 0.65 cores each: 2.6 of 2.
COSTS, RATE, DEADLINE, CORES = (0.0017, 0.0047, 0.0138, 0.0325), 20.0, 0.05, 2.0
NAMES = "abcd"


def node(seed, cores=lambda now: CORES):
    """Return the four plugins and their node."""
    plugins = {n: SharingPlugin(COSTS, RATE, seed * 10 + i) for i, n in enumerate(NAMES)}
    return plugins, NodePlant(list(plugins.values()), cores)


def usage(plugin, begin):
    """Return what a plugin did since a time; CPU a frame is what its setting took."""
    times = []
    for done, took in reversed(plugin.frames):
        if done <= begin:
            break
        times.append(took)
    return Usage(sum(times) / len(times) if times else None, len(times))


def run(seed, decide, *, seconds=120, cores=lambda now: CORES):
    """Run the node; ``decide(now, usages)`` returns settings by name.

    Returns the plugins, the number of changes, and in how many of the last 60 seconds each was
    over its deadline.
    """
    plugins, plant = node(seed, cores)
    changes, late = [], dict.fromkeys(NAMES, 0)
    cpu = dict.fromkeys(NAMES, 0.0)
    for now in range(1, seconds + 1):
        plant.run(float(now))
        usages = {}
        for name, plugin in plugins.items():
            one = usage(plugin, now - 1.0)
            used, cpu[name] = plugin.cpu - cpu[name], plugin.cpu
            usages[name] = one._replace(cpu=used / one.samples if one.samples else None)
            if now > seconds - 60 and (one.measured is None or one.measured > DEADLINE):
                late[name] += 1
        for name, setting in decide(float(now), usages).items():
            if setting != plugins[name].setting:
                changes.append((now, name, setting))
                plugins[name].setting = setting
    return plugins, changes, late


def allocated(seed, **options):
    """Run it under the allocator, `a` first."""
    claims = {n: Claim(COSTS, DEADLINE, RATE, 9 if n == "a" else 0) for n in NAMES}
    allocator = PriorityAllocator(claims, CORES)

    def decide(now, usages):
        return {name: each.setting for name, each in allocator.decide(now, usages).items()}

    return run(seed, decide, **options)


def rate(plugin, begin, end):
    """Return the frames a second that were done in a time."""
    return sum(begin < done <= end for done, _ in plugin.frames) / (end - begin)


@pytest.mark.parametrize("seed", range(5))
def test_four_that_want_more_than_there_is(seed):
    """The first gets what it wants, in time, and the settings stay."""
    plugins, changes, late = allocated(seed)
    assert rate(plugins["a"], 60, 120) >= 19.5
    assert late["a"] <= 6
    assert len(changes) <= 40
    assert plugins["a"].setting == 3 and min(p.setting for p in plugins.values()) < 3


def test_controllers_of_their_own_fight():
    """The negative control: four deadline policies change things far more often."""
    policies = {n: DeadlinePolicy(COSTS, DEADLINE) for n in NAMES}

    def decide(now, usages):
        return {
            n: policies[n].decide(now, one.measured, one.samples).setting
            for n, one in usages.items()
        }

    _, changes, _ = run(0, decide)
    assert len(changes) > 2 * len(allocated(0)[1])


@pytest.mark.parametrize("seed", range(3))
def test_somebody_else_takes_part_of_the_cores(seed):
    """Then less is planned for, the last give it up, and all is as before once he is gone."""
    plugins, changes, late = allocated(
        seed, seconds=200, cores=lambda now: 1.2 if 20 <= now < 120 else CORES
    )
    assert rate(plugins["a"], 60, 120) >= 19.0
    assert len([c for c in changes if 20 <= c[0] < 120]) <= 40
    assert late["a"] <= 6 and rate(plugins["a"], 140, 200) >= 19.5
    assert plugins["a"].setting == 3


@pytest.mark.parametrize("seed", range(5))
def test_the_first_is_in_time_though_little_is_left(seed):
    """A plugin that has become so slow that few frames come is not left as it is."""
    plugins, _, late = allocated(seed, seconds=200, cores=lambda now: 0.7 if now >= 20 else CORES)
    assert late["a"] <= 6 and rate(plugins["a"], 140, 200) >= 19.0


def test_the_cheapest_is_everybody_s_and_the_rest_goes_by_priority():
    """Equal priorities go by name; nobody is left with nothing."""
    claims = {n: Claim([1, 4], 1.0, 1.0, p) for n, p in (("x", 1), ("y", 5), ("z", 1))}
    allocator = PriorityAllocator(claims, 10.0)
    usages = {name: Usage(0.5, 20, 4.0) for name in claims}
    decisions = allocator.decide(0.0, usages)
    assert {n: d.setting for n, d in decisions.items()} == {"x": 0, "y": 0, "z": 0}
    claims = {n: claim._replace(deadline=9.0) for n, claim in claims.items()}
    decisions = PriorityAllocator(claims, 10.0).decide(0.0, usages)
    assert {n: d.setting for n, d in decisions.items()} == {"x": 1, "y": 1, "z": 0}
    assert decisions["z"].changed and not decisions["y"].changed


def test_nothing_is_decided_by_nothing():
    """A plugin that isn't heard keeps its setting, and its lease is not renewed."""
    allocator = PriorityAllocator({"x": Claim([1, 2], 1.0, 1.0)}, 0.1)
    for usages in ({}, {"x": Usage(None, 0)}, {"x": Usage(5.0, 9, 5.0)}):
        (decision,) = allocator.decide(0.0, usages).values()
        assert (decision.setting, decision.changed, decision.fresh) == (1, False, False)


@pytest.mark.parametrize(
    ("claims", "cores"),
    [
        ({}, 1.0),
        ({"x": Claim([1], 1.0, 1.0)}, 0),
        ({"x": Claim([1], 0, 1.0)}, 1.0),
        ({"x": Claim([2, 1], 1.0, 1.0)}, 1.0),
        ({"x": Claim([1], 1.0, 0)}, 1.0),
        ({"x": Claim([], 1.0, 1.0)}, 1.0),
    ],
)
def test_bad_arguments_are_errors_at_the_call(claims, cores):
    """No allocator is made of them."""
    with pytest.raises(ValueError, match=r"claims|has no"):
        PriorityAllocator(claims, cores)
