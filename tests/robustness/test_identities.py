"""Ever new identities: a year of daily jobs, and thousands at a time."""

import os

from tests.collector.world import World, counter, timer
from waggle_live_collector.budget import What
from waggle_live_collector.identity.peer import Peer

#: What is left for strangers in 60 MiB.
MEMORY = 19 << 20
IDENTITIES = int(os.environ.get("WAGGLE_LIVE_IDENTITIES", "10000"))


def say_hello(world, number):
    """Return a peer of an identity of its own."""
    peer = world.peer(None, Peer(principal="uid:0", process=number))
    identity = {"plugin": f"registry/plugin-{number:05d}", "job": f"job-{number:05d}"}
    peer.hello(f"session-{number:05d}", app_id=f"app-{number:05d}", **identity)
    return peer


def check(world, path):
    """Memory, the state file and the series of ``waggle_plugin_info`` are bounded."""
    world.state_file(path).save()
    assert world.budget.root.total <= MEMORY
    assert path.stat().st_size < MEMORY / 2
    assert len(world.text()) < 54_000_000
    infos = len(world.scrape().all("waggle_plugin_info"))
    assert infos == len(world.table.plugins) < 1500


def test_ten_thousand_identities_one_after_another(tmp_path):
    """None is refused, for the dead make room; each count is shown while it is there."""
    world = World(memory=MEMORY)
    for number in range(IDENTITIES):
        peer = say_hello(world, number)
        peer.update(1, counter("a", number))
        if number % 2:
            peer.bye("error")
        else:
            peer.close()
        world.time.pass_(5)
        if not number % 50:
            world.processes.sweep()
    assert world.refusals() == {}
    newest = {"plugin": f"registry/plugin-{IDENTITIES - 1:05d}"}
    assert world.value("waggle_count_total", **newest) == IDENTITIES - 1
    check(world, tmp_path / "state")
    world.pass_(25 * 3600, step=600)
    assert world.budget.root.total == 0


def test_two_thousand_identities_at_a_time(tmp_path):
    """Those that there is room for are served whole; the others are told so at their hello."""
    world = World(memory=MEMORY)
    peers = [say_hello(world, number) for number in range(2000)]
    for peer in peers:
        peer.update(1, timer("t", {0: 1, 40: 1}))
    assert world.refusals().keys() <= {"budget", "no_hello"}
    check(world, tmp_path / "state")
    assert world.processes.connected > 500
    assert world.budget.losses["uid:0"][What.SERIES] > 0
