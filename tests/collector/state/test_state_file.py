"""What outlives the collector."""

import asyncio
import os
import shutil
import stat
from pathlib import Path

import pytest

from ..exposition.oracle import rich_world
from ..world import Time, World, counter, gauge, rate, timer


def state_of(world, path, **more):
    state = world.state_file(path, **more)
    world.when_saved = state.when_saved
    return state


def reborn(world, path, **more):
    """Return a new world from the file of one that died, which need not be dead: from a copy."""
    again = World(time=world.time, **more)
    copy = f"{path}.copy"
    shutil.copy(path, copy)
    assert state_of(again, copy).load()
    os.unlink(copy)
    return again


def counters(world):
    """Return all that must never fall; a knob that nobody has set is told by its process alone."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in world.scrape()
        if family.type in ("counter", "histogram")
        and not family.name.startswith(("waggle_collector", "process", "python"))
        for sample in family.samples
        if sample.value or family.name != "waggle_knob_changes"
    }


def test_every_total_comes_back_as_it_was(path):
    """A world with everything in it, to the bit."""
    world = rich_world()
    state_of(world, path).save()
    again = reborn(world, path)
    assert counters(again) == counters(world)
    assert again.processes.awaited == {"session-1", "session-2"}
    assert again.value("waggle_plugin_up", plugin="other") == 0


def test_saving_what_was_loaded_changes_nothing(path):
    """The second generation's file holds the same totals."""
    world = rich_world()
    state_of(world, path).save()
    second = reborn(world, path)
    state_of(second, path).save()
    assert counters(reborn(second, path)) == counters(world)


def test_sessions_go_on_where_they_were(path):
    """They come back with their key; what was counted is not counted again."""
    world = World()
    world.peer().update(7, counter("a", 3.5, x="1"), timer("t", {-60: 2, 4: 1}, 99), rate("r", 5))
    state_of(world, path).save()
    again = reborn(world, path)
    thief = again.peer(None)
    assert thief.hello(key="another-key-of-mine")[0]["code"] == "session_taken"
    peer = again.peer(None)
    assert peer.hello()[0]["resumed"] is True
    peer.update(7, counter("a", 99, x="1"))
    peer.update(8, counter("a", 4.5, x="1"), timer("t", {-60: 3, 4: 1}, 100), rate("r", 6))
    assert again.value("waggle_count_total", name="a") == 4.5
    assert again.value("waggle_timer_seconds_count", name="t") == 4
    assert again.value("waggle_rate_events_total", name="r") == 6
    assert not again.processes.awaited


def test_ended_and_lost_sessions_are_remembered(path):
    """A bye is not counted twice over a restart, nor is a process that returns late."""
    world = World(hold_time=10)
    world.peer("session-1").bye()
    world.peer("session-2")
    lost = world.peer("session-3")
    lost.update(1, counter("a", 2))
    lost.close()
    world.pass_(20)
    state_of(world, path).save()
    again = reborn(world, path, hold_time=10)
    again.peer("session-2")
    assert again.peer("session-1").update(2, counter("a", 9))[0]["code"] == "session_ended"
    again.peer("session-3").update(2, counter("a", 3))
    assert again.value("waggle_count_total", name="a") == 3
    assert again.value("waggle_plugin_exits_total", status="lost") == 1


def test_gauges_of_processes_that_did_not_return_are_shown_as_of_ended_ones(path):
    """Until a live one has the series."""
    world = World()
    world.peer("session-1").update(1, gauge("g", "+Inf"))
    world.peer("session-2").update(1, gauge("g", 5, age=9.0))
    state_of(world, path).save()
    again = reborn(world, path)
    assert again.value("waggle_value", name="g") == float("inf")
    again.peer("session-2")
    assert again.value("waggle_value", name="g") == 5


def test_the_holding_time_goes_on_after_a_restart(path):
    """For who was gone before; who was connected has all of it."""
    world = World(hold_time=60)
    world.peer("session-1", plugin="gone").bye()
    world.peer("session-2", plugin="here")
    world.pass_(50)
    state_of(world, path).save()
    again = reborn(world, path, hold_time=60)
    again.pass_(20)
    assert again.value("waggle_plugin_up", plugin="gone") is None
    assert again.value("waggle_plugin_up", plugin="here") == 0
    again.pass_(50)
    assert again.value("waggle_plugin_up", plugin="here") is None


def test_a_file_from_before_a_reboot_keeps_its_ages(path):
    """The monotonic clock began anew; the time in between counts as none."""
    world = World(hold_time=60)
    world.peer("session-1").update(1, gauge("g", 1, age=5.0), timer("t", {0: 1}, 1, last=1))
    world.peer("session-2", plugin="gone").bye()
    state_of(world, path).save()
    world.time.at = 3.0
    again = reborn(world, path, hold_time=60)
    stamp = again.value("waggle_updated_timestamp_seconds", name="g")
    assert stamp == pytest.approx(again.time.now() - 5)
    again.pass_(58)
    assert again.value("waggle_plugin_up", plugin="gone") == 0
    again.pass_(3)
    assert again.value("waggle_plugin_up", plugin="gone") is None


def test_a_restart_after_a_reboot_counts_the_time_in_between(path):
    """The second file says how far its clock is ahead of the system's."""
    world = World(hold_time=60)
    world.peer("session-2", plugin="gone").bye()
    for at in (5000.0, 5010.0):
        path.unlink(missing_ok=True)
        state_of(world, path).save()
        world.time.at = at
        if at == 5000.0:
            path.write_bytes(path.read_bytes().replace(b'"boot":"', b'"boot":"other '))
        world = reborn(world, path, hold_time=60)
        assert world.value("waggle_plugin_up", plugin="gone") == 0
    world.pass_(49)
    assert world.value("waggle_plugin_up", plugin="gone") == 0
    world.pass_(2)
    assert world.value("waggle_plugin_up", plugin="gone") is None


def test_a_merged_counter_is_restored_exactly_and_goes_on_rising(path):
    """Sums of floats don't depend on when the collector died."""
    world, plain = World(), World()
    for process in range(10):
        for w in (world, plain):
            w.peer(f"session-{process}").update(1, counter("a", 0.1 * process))
        path.unlink(missing_ok=True)
        state_of(world, path).save()
        before = world.value("waggle_count_total", name="a")
        world = reborn(world, path)
        assert world.value("waggle_count_total", name="a") == before
    assert before == plain.value("waggle_count_total", name="a")


def test_it_is_only_written_when_something_changed(path):
    """An idle collector touches no file."""
    world = World()
    state = state_of(world, path)
    peer = world.peer()
    state.save()
    path.unlink()
    state.save()
    assert not path.exists()
    peer.update(1, counter("a", 1))
    state.save()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_file_yet_is_no_error(path, caplog):
    """The first start."""
    caplog.set_level("ERROR")
    assert not state_of(World(), path).load()
    assert caplog.text == ""


def test_a_file_that_cannot_be_written_is_logged_once_and_counted(path, caplog):
    """Everything goes on; when it can be written again, it is."""
    caplog.set_level("INFO")
    world = World()
    missing = path.parent / "missing" / "state"
    state = state_of(world, missing)
    peer = world.peer()
    for number in range(1, 4):
        peer.update(number, counter("a", number))
        state.save()
    assert caplog.text.count("can't write state file") == 1
    assert world.value("waggle_collector_state_write_failures_total") == 3
    missing.parent.mkdir()
    state.save()
    assert missing.exists()
    assert "is written again" in caplog.text


def test_byes_are_answered_after_the_write_and_written_together(path):
    """A hundred processes that end at once cost a few writes, not a hundred."""
    world = World()
    state = state_of(world, path)

    async def talk():
        peers = [world.peer(f"session-{number:03}") for number in range(100)]
        for peer in peers:
            assert peer.bye() == []
        assert not path.exists()
        async with asyncio.timeout(30):
            while not all(peer.answers[1:] for peer in peers):
                await asyncio.sleep(0.01)
        return [peer.answers[1:] for peer in peers]

    assert asyncio.run(talk()) == [[{"type": "applied", "number": 2}]] * 100
    assert world.value("waggle_collector_state_write_seconds_count") <= 3
    assert reborn(world, path).value("waggle_plugin_exits_total", status="ok") == 100
    state.save()


def test_without_a_file_nothing_waits():
    """A bye is answered at once."""
    calls = []
    state = state_of(World(), None)
    state.when_saved(calls.append)
    state.save()
    assert not state.load()
    assert calls == [True]


def test_a_file_of_november_is_read(tmp_path):
    """What an earlier collector wrote goes on: its counters, values and ends."""
    path = tmp_path / "state"
    path.write_bytes((Path(__file__).parent / "states" / "november.json").read_bytes())
    world = World(time=Time())
    assert state_of(world, path).load()
    assert world.value("waggle_count_total", plugin="ended", name="c") == 3
    assert world.value("waggle_count_total", plugin="left", name="c") == 5
    assert world.value("waggle_value", plugin="left", name="g") == 2
    assert world.value("waggle_count_total", plugin="over", name="c") == 7
    assert world.value("waggle_plugin_exits_total", plugin="gone", status="error") == 1
    assert world.value("waggle_plugin_exits_total", plugin="gone", status="lost") == 0
    found = world.scrape().all("waggle_timer_seconds_count")
    assert sum(value for _, value in found) == 2_000_006
