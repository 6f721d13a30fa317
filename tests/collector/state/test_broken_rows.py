"""state/state_file.py: rows that no collector wrote cost the file, and never the collector."""

import functools
import json
import operator

import pytest

from ..world import World, counter, function, gauge, rate, timer
from .test_state_file import state_of

CELLS = [
    timer("t", {-60: 2, -58: 1}, 3, last=1),
    timer("declared", {}),
    rate("r", 3, sum=5, last=1),
    gauge("g", 1.5, x="1"),
    counter("c", 0.1),
    {"kind": "messages", "name": "m", "value": 3},
    function("f", 3, 5),
    {"kind": "tau", "dropped": 1},
]
BUCKETS = b"[-60,[2,0,1]]"


@pytest.mark.parametrize(
    "content",
    [
        b"null",
        b'{"-60":3}',
        b"[-60,{}]",
        b"[-60,null]",
        b'["-60",[2,0,1]]',
        b"[-60,[2,0,2]]",
        b"[-60,[4,0,-1]]",
        b"[-60,[1.5,0,1.5]]",
        b"[-60,[2,0,99999999999999999999]]",
        b"[-241,[2,0,1]]",
        b"[159,[2,0,1]]",
        b"[-60,[3%s]]" % (1000 * b",0"),
    ],
)
def test_buckets_that_are_none_count_as_broken(tmp_path, content):
    """Of a process or of the totals: the file is moved aside, and nothing of it is left."""
    path = tmp_path / "state"
    world = World()
    world.peer().update(1, timer("t", {-60: 2, -58: 1}))
    state_of(world, path).save()
    data = path.read_bytes()
    assert data.count(BUCKETS) == 2
    first, last = data.index(BUCKETS), data.rindex(BUCKETS)
    for at in (first, last):
        path.write_bytes(data[:at] + content + data[at + len(BUCKETS) :])
        again = World()
        assert not state_of(again, path).load()
        assert not again.table.plugins
        assert not again.processes.by_id


def places(value, way=()):
    """Yield the way to each value of a JSON document."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for step, inner in list(pairs):
        yield (*way, step)
        if isinstance(inner, (dict, list)):
            yield from places(inner, (*way, step))


@pytest.mark.parametrize(
    "wrong",
    [None, -1, 10**400, 1e308, "x", [], [-1.0], [1e308, 1e308]],
)
def test_no_wrong_value_breaks_a_start_or_an_answer(tmp_path, wrong):
    """In any place of the file: it is read or moved aside, and then each answer can be made."""
    path = tmp_path / "state"
    world = World()
    process = {"cpu_seconds": 1.5, "memory_bytes": 7}
    world.peer("session-0", plugin="gone").bye()
    world.pass_(400, 400)
    for session in ("session-1", "session-2"):
        peer = world.peer(session)
        peer.update(1, *CELLS, process=process)
    peer.bye()
    state_of(world, path).save()
    data = path.read_bytes()
    for way in places(json.loads(data)):
        state = json.loads(data)
        owner = functools.reduce(operator.getitem, way[:-1], state)
        owner[way[-1]] = wrong
        path.write_text(json.dumps(state))
        again = World(time=world.time)
        if state_of(again, path).load():
            assert again.text()
            assert again.protobuf()
            assert json.loads(again.json())
            assert again.value("waggle_collector_errors_total", where="exposition") == 0, way


@pytest.mark.parametrize("form", [1, 2])
def test_a_file_nested_without_end_counts_as_broken(tmp_path, form):
    """It is deeper than can be read."""
    path = tmp_path / "state"
    path.write_text('{"format":%d,"more":%s%s}' % (form, "[" * 100_000, "]" * 100_000))
    world = World()
    assert not state_of(world, path).load()
    assert not path.exists()
