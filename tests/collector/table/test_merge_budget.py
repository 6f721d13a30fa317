"""What two plugins that turn out to be one hold of the budget."""

from waggle_live_collector.budget import What

from ..world import World, timer
from .test_merge import CARS, everything, pod


def test_all_runs_of_a_job_hold_no_more_than_one():
    """Each is a pod of its own that becomes the known plugin."""
    world, held = World(stack=True), []
    for number in range(5):
        one = pod(world, f"session-{number}", f"pod-{number}")
        one.update(1, *everything(1))
        world.resolve(f"pod-{number}", CARS)
        one.bye()
        held.append(world.table.plugins[CARS.identity].paid)
    assert held == held[:1] * 5


def test_what_a_run_adds_to_a_known_plugin_is_held():
    """New series and wider timers, with their windows, as if one run had made them all."""
    cells = [*everything(1), timer("wide", {0: 1}, 5)]
    more = [*everything(1), timer("wide", {90: 1}, 5), timer("new", {0: 1, 9: 2}, 5)]
    known, both = World(stack=True), World(stack=True)
    for world in (known, both):
        world.apps.add("pod-a", CARS)
        pod(world).update(1, *cells)
        pod(world, "session-2", "pod-a" if world is known else "pod-b").update(1, *more)
    both.resolve("pod-b", CARS)
    (one,), (other,) = known.table.plugins.values(), both.table.plugins.values()
    assert one.paid == other.paid
    assert known.budget.root.held[What.HISTORY] == both.budget.root.held[What.HISTORY]
