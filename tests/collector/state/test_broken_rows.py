"""state/state_file.py: rows that no collector wrote cost the file, and never the collector."""

import pytest

from ..world import World, timer
from .test_state_file import state_of

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
