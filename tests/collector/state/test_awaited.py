"""Whom a collector waits for after its start."""

from ..world import World, counter
from .test_state_file import reborn, state_of


def test_who_is_not_back_yet_is_still_awaited_after_another_restart(tmp_path):
    """A collector that is killed while it waits doesn't forget for whom."""
    world, path = World(), tmp_path / "state"
    for number in (1, 2):
        world.peer(f"session-{number}").update(1, counter("a", 1))
    state_of(world, path).save()
    second = reborn(world, path)
    second.peer(None).hello("session-2")
    path = tmp_path / "second"
    state_of(second, path).save()
    assert reborn(second, path).processes.awaited == {"session-1", "session-2"}
    # Ready without it: nobody waits for it any more.
    second.processes.awaited.clear()
    second.table.version += 1
    path = tmp_path / "third"
    state_of(second, path).save()
    assert reborn(second, path).processes.awaited == {"session-2"}
