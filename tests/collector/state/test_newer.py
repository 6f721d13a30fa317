"""state/reading.py: a file that a later release of this format wrote, before it was rolled back.

``state/snapshot.py`` says what a later release may add. What this one knows must come through.
"""

import json

import pytest

from waggle_live_collector.state.owned_file import StateFileError

from ..world import World, counter, rate
from .cells import CELLS, SHOWN
from .test_reading import LEFT_OUT, loaded, plugin_of
from .test_state_file import state_of

NEW_KIND = ["summary", "s", [], 1, {"deep": [1]}]


def grown(value):
    """Return a row with what a later release may have appended to it."""
    return [*value, "later", {"more": [1, 2]}]


@pytest.fixture()
def newer(saved):
    """The state of a later release: fields at the end of all rows, parts, and kinds of series."""
    state = json.loads(saved)
    for plugin in state["plugins"]:
        plugin[2] = [grown(row) for row in plugin[2]] + [NEW_KIND]
        plugin[4]["crashed"] = 2
    for process in state["sessions"]:
        process[3] = grown(process[3])
        process[14] = [NEW_KIND] + [grown(row) for row in process[14]]
    for name in ("plugins", "sessions", "ended", "gone"):
        state[name] = [grown(row) for row in state[name]]
    return {"later": {"a": 1}, **state, "alarms": [["row", 1]]}


def test_all_that_is_known_comes_through(path, newer):
    """Processes go on where they were; the only thing left out is the unknown kind of series."""
    world = loaded(path, newer)
    assert world.value(LEFT_OUT) == 4
    assert set(world.processes.by_id) == {"session-1", "neighbour"}
    assert world.peer("session-1").update(2, *CELLS, rate("r", 5, sum=5, last=1)) == []
    for kind, (family, labels, both, _) in SHOWN.items():
        assert world.value(family, **labels) == both + 2 * (kind == "rate"), kind
    assert world.value("waggle_plugin_exits_total", plugin="plugin", status="ok") == 1
    assert world.value("waggle_plugin_exits_total", plugin="gone", status="ok") == 1


def test_going_forward_again_loses_nothing_that_both_know(path, newer):
    """What this release wrote after the rollback is a whole file for the later one."""
    world = loaded(path, newer)
    world.peer("neighbour", plugin="neighbour").update(2, counter("n", 7))
    forward = path.with_name("forward")
    world.state_file(forward).save()
    again = World()
    assert again.state_file(forward).load()
    assert again.value(LEFT_OUT) == 0
    assert again.value("waggle_count_total", name="n") == 7
    for family, labels, both, _ in SHOWN.values():
        assert again.value(family, **labels) == both
    assert plugin_of(json.loads(forward.read_bytes()))[4]["ok"] == 1


def test_the_file_of_a_newer_collector_is_refused_with_what_to_do(path):
    """After a rollback."""
    path.write_bytes(b'{"format":3,"tables":[]}')
    with pytest.raises(
        StateFileError, match=r"format is 3, of a newer collector.* remove the file"
    ):
        state_of(World(), path).load()
