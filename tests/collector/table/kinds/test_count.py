"""What clients count by themselves: what of it is recent, and when it was."""

import pytest

from waggle_live_collector.table.series import Key

from ...world import World


def messages(value, **fields):
    return {"kind": "messages", "name": "env.count", "value": value, **fields}


def series(world):
    """Return the messages of the only plugin."""
    (plugin,) = world.table.plugins.values()
    found = plugin.series[Key("messages", "env.count", ())]
    found.recent.advance(world.time.at)
    return found


def test_messages_have_a_rate_of_the_last_ten_seconds():
    """Two a second read 2, from the start on; ten seconds after the last one it is 0."""
    world = World()
    peer = world.peer(monotonic=0.0)
    for second in range(1, 16):
        world.time.pass_(1)
        peer.update(second, messages(2 * second))
        assert series(world).recent.per_second(world.time.at) == pytest.approx(2)
    world.time.pass_(11)
    assert series(world).recent.per_second(world.time.at) == 0
    assert series(world).totals.value == 30


def test_what_a_returning_process_counted_before_is_not_recent():
    """To a collector that began anew it is a baseline, as old as the cell says."""
    world = World()
    peer = world.peer(monotonic=0.0)
    peer.update(100, messages(5000, age=40.0))
    assert series(world).recent.per_second(world.time.at) == 0
    assert series(world).stamp.at == world.time.at - 40
    world.time.pass_(2)
    peer.update(102, messages(5004, age=0.5))
    assert series(world).recent.per_second(world.time.at) == pytest.approx(2)
    assert series(world).stamp.at == world.time.at - 0.5


def test_a_cell_that_tells_nothing_new_is_no_message():
    """A client sends all of its cells after a reconnect."""
    world = World()
    peer = world.peer(monotonic=0.0)
    peer.update(1, messages(3))
    world.time.pass_(30)
    peer.update(31, messages(3))
    assert series(world).stamp.at == world.time.at - 30
    assert series(world).recent.count == 0


def test_what_two_processes_publish_is_one_rate():
    """One message a second of each is two of the plugin."""
    world = World()
    peers = [world.peer(f"session-{number}", monotonic=0.0) for number in range(2)]
    for second in range(1, 9):
        world.time.pass_(1)
        for peer in peers:
            peer.update(second, messages(second))
    assert series(world).recent.per_second(world.time.at) == pytest.approx(2)
