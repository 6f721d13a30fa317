"""Who waits for the state file, and for how long."""

import asyncio
import time
from pathlib import Path

from waggle_live_collector.state import state_file
from waggle_live_collector.state.state_file import MAX_BYE_WAIT, MAX_WAIT, STUCK_SECONDS

from ..harness import wait_until
from .frozen import frozen
from .node import LATE, WRITES, Node, codes, run, until
from .test_state_file import reborn


def test_an_answer_waits_until_what_it_shows_is_in_the_file(path, patient):
    """What is handed over is written by then; if nothing changed there is nothing to wait for."""

    @run
    async def _():
        node = Node(path)
        for number in range(1, 4):
            node.count()
            written = node.state.hand_over()
            await written()
            await node.state.hand_over()()
            assert node.saved() == number
        assert node.value(WRITES) == 3
        assert node.value(LATE) == 0


def test_on_a_frozen_disk_an_answer_waits_a_tenth_of_a_second(path):
    """Each is counted as late; all of it is written once the disk goes on."""

    @run
    async def _():
        node = Node(path)
        disk = await node.freeze()
        for late in range(1, 4):
            begin = time.perf_counter()
            await node.state.hand_over()()
            assert time.perf_counter() - begin >= MAX_WAIT
            assert node.value(LATE) == late
        node.count()
        node.state.hand_over()
        disk.__exit__(None, None, None)
        await until(lambda: node.value(WRITES) == 2)
        assert node.saved() == 2


def test_whoever_waits_for_an_older_state_is_served_by_a_newer_one(path, patient):
    """Of ten that were handed over while the disk was frozen the last is written, for all."""

    @run
    async def _():
        node = Node(path)
        disk = await node.freeze()
        waits = []
        for _ in range(10):
            node.count()
            waits.append(asyncio.create_task(node.state.hand_over()()))
        await asyncio.sleep(0)
        disk.__exit__(None, None, None)
        await asyncio.gather(*waits)
        assert node.saved() == 11
        assert node.value(WRITES) == 2


def test_a_bye_is_answered_when_it_is_in_the_file_and_not_before(path):
    """A write that was begun before it does not count."""

    @run
    async def _():
        node = Node(path)
        other = node.peer("session-2")
        disk = await node.freeze()
        assert other.bye() == []
        node.state.tick()
        await asyncio.sleep(0.05)
        assert other.answers[1:] == []
        disk.__exit__(None, None, None)
        await until(lambda: other.answers[1:])
        assert other.answers[1:] == [{"type": "applied", "number": 2}]
        assert reborn(node, path).value("waggle_plugin_exits_total", status="ok") == 1


def test_byes_on_a_frozen_disk_are_told_that_they_are_not_saved(path):
    """Else each process that ends would keep a connection; the next is served again."""

    @run
    async def _():
        node = Node(path)
        ended, patient = node.peer("session-2"), node.peer("session-3")
        disk = await node.freeze()
        ended.bye()
        ended.protocol.end_of_file()
        node.state.tick()
        assert not ended.closed
        node.time.pass_(MAX_BYE_WAIT)
        patient.bye()
        node.state.tick()
        assert ended.closed
        assert codes(ended) == ["not_saved"]
        assert not patient.closed
        disk.__exit__(None, None, None)
        await until(lambda: patient.answers[1:])
        assert patient.answers[1:] == [{"type": "applied", "number": 2}]
        assert codes(ended) == ["not_saved"]


def test_a_disk_that_hangs_is_logged_once_and_again_when_it_goes_on(path, patient, caplog):
    """Each second somebody looks."""
    caplog.set_level("INFO")

    @run
    async def _():
        node = Node(path)
        disk = await node.freeze()
        for _ in range(5):
            node.time.pass_(1)
            node.count()
            node.state.tick()
        assert caplog.text.count(f"has not been written for {STUCK_SECONDS:g} s") == 1
        disk.__exit__(None, None, None)
        await until(lambda: "is written again" in caplog.text)
        node.time.pass_(STUCK_SECONDS)
        await node.state.hand_over()()
        node.state.tick()
        assert caplog.text.count("has not been written for") == 1
        assert node.saved() == 6


def test_the_end_waits_for_the_last_write_and_says_what_is_missing(path, caplog, monkeypatch):
    """A frozen disk holds up the end for a bounded time."""
    node = Node(path)
    node.count()
    node.state.save()
    assert node.saved() == 1
    assert caplog.text == ""
    monkeypatch.setattr(state_file, "END_SECONDS", 0.1)
    path.unlink()  # it is not its own any more
    node.count()
    with frozen():
        node.state.save()
        assert f"state file {path}: the last" in caplog.text
        assert path.read_bytes() == b""
    wait_until(lambda: path.read_bytes() != b"")
    assert node.saved() == 2


def test_a_write_that_ends_after_the_loop_troubles_nobody(path):
    """The loop that was to be told is closed by then."""
    node = Node(path)
    disk = asyncio.run(node.freeze())
    disk.__exit__(None, None, None)
    wait_until(lambda: path.exists() and path.stat().st_size)
    assert node.saved() == 1
    node.state.save()
    assert node.value(WRITES) == 1


def test_the_file_is_json_that_can_be_looked_into(path):
    """Its pieces make one document."""
    node = Node(path)
    node.count()
    node.state.save()
    text = Path(path).read_text()
    assert text.startswith('{"format":')
    assert '"plugins":[[["plugin",' in text
    assert '"sessions":[["session-1",' in text
