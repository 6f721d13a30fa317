"""What the tests of the state file share."""

import pytest

from waggle_live_collector.state import state_file

from ..world import World, counter
from .cells import CELLS
from .test_state_file import state_of


@pytest.fixture()
def path(tmp_path):
    return tmp_path / "state"


@pytest.fixture()
def patient(monkeypatch):
    """An answer waits for as long as a write takes on a busy machine."""
    monkeypatch.setattr(state_file, "MAX_WAIT", 30.0)


@pytest.fixture()
def saved(path):
    """Return the bytes of a state with two plugins, one that is gone, and rows of every kind."""
    world = World()
    world.peer("session-0", plugin="gone").bye()
    world.pass_(400, 400)
    process = {"cpu_seconds": 1.5, "memory_bytes": 7}
    for session in ("session-1", "session-2"):
        peer = world.peer(session)
        peer.update(1, *CELLS, process=process)
    peer.bye()
    world.peer("neighbour", plugin="neighbour").update(1, counter("n", 5))
    state_of(world, path).save()
    return path.read_bytes()
