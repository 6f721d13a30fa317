"""Who waits for the state file, for how long, and what is said when it can't be written."""

import asyncio
import time
from pathlib import Path

import pytest

from waggle_live_collector.state import state_file
from waggle_live_collector.state.state_file import MAX_BYE_WAIT, MAX_WAIT, STUCK_SECONDS

from ..harness import wait_until
from ..world import World, counter
from .frozen import frozen
from .test_state_file import reborn, state_of

LATE = "waggle_collector_state_late_total"
WRITES = "waggle_collector_state_write_seconds_count"


@pytest.fixture()
def path(tmp_path):
    return tmp_path / "state"


@pytest.fixture()
def patient(monkeypatch):
    """An answer waits for as long as a write takes on a busy machine."""
    monkeypatch.setattr(state_file, "MAX_WAIT", 30.0)


class Node(World):
    """A world with a state file and one process that counts."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.state = state_of(self, path)
        self.plugin = self.peer()
        self.counted = 0

    def count(self):
        """Let the process count one more."""
        self.counted += 1
        self.plugin.update(self.counted, counter("a", self.counted))

    def saved(self):
        """Return what a collector that is started now knows."""
        return reborn(self, self.path).value("waggle_count_total", name="a")

    async def freeze(self):
        """Return a disk that is frozen, with a write that hangs there."""
        disk = frozen(f"{self.path}.tmp")
        disk.__enter__()
        self.count()
        self.state.hand_over()
        await asyncio.sleep(0)
        return disk


def run(test):
    asyncio.run(test())


async def until(condition):
    """Wait for the loop to make something true."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


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


def test_byes_on_a_frozen_disk_are_let_go_without_an_answer(path):
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
        assert ended.answers[1:] == []
        assert not patient.closed
        disk.__exit__(None, None, None)
        await until(lambda: patient.answers[1:])
        assert ended.answers[1:] == []


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


def test_an_answer_does_not_wait_where_the_file_cannot_be_written(path, patient):
    """It is tried again for each answer, and counted as failed, not as late."""

    @run
    async def _():
        node = Node(path.parent / "missing" / "state")
        for failures in range(1, 4):
            await node.state.hand_over()()
            assert node.value("waggle_collector_state_write_failures_total") == failures
        assert node.plugin.bye() == []
        await until(lambda: node.plugin.answers[1:])
        assert node.value(LATE) == 0


def test_a_fault_that_nobody_thought_of_is_logged_with_its_traceback(path, patient, caplog):
    """Once; all goes on as with any file that can't be written."""

    @run
    async def _():
        node = Node(path.parent / "with a \0" / "state")
        for failures in range(1, 4):
            await node.state.hand_over()()
            assert node.value("waggle_collector_state_write_failures_total") == failures
        assert caplog.text.count("Traceback") == 1
        assert caplog.text.count("can't write state file") == 1


def test_a_row_that_cannot_be_encoded_costs_the_state_and_nothing_else(path, patient, caplog):
    """Nobody waits for it; all is written once it is gone."""
    caplog.set_level("INFO")

    @run
    async def _():
        node = Node(path)
        (plugin,) = node.table.plugins.values()
        plugin.status = "\ud800"
        await node.state.hand_over()()
        node.state.tick()
        assert node.value("waggle_collector_state_write_failures_total") == 2
        assert caplog.text.count("Traceback") == 1
        assert not path.exists()
        node.plugin.bye()
        await until(lambda: node.plugin.answers[1:])
        await node.state.hand_over()()
        assert "is written again" in caplog.text
        assert reborn(node, path).value("waggle_plugin_exits_total", status="ok") == 1


def test_the_end_waits_for_the_last_write_and_says_what_is_missing(path, caplog, monkeypatch):
    """A frozen disk holds up the end for a bounded time."""
    monkeypatch.setattr(state_file, "END_SECONDS", 0.1)
    node = Node(path)
    node.count()
    node.state.save()
    assert node.saved() == 1
    assert caplog.text == ""
    node.count()
    with frozen(f"{path}.tmp"):
        node.state.save()
        assert f"are not in state file {path}" in caplog.text
        assert node.saved() == 1
    wait_until(lambda: node.saved() == 2)


def test_a_write_that_ends_after_the_loop_troubles_nobody(path):
    """The loop that was to be told is closed by then."""
    node = Node(path)
    disk = asyncio.run(node.freeze())
    disk.__exit__(None, None, None)
    wait_until(path.exists)
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
