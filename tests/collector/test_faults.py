"""Errors of our own: counted each time, logged with a traceback once a minute and kind."""

import asyncio
import logging
import sys
import threading

import pytest

from waggle_live_collector import faults as module
from waggle_live_collector.clock import Clock
from waggle_live_collector.faults import Faults
from waggle_live_collector.own_metrics import FAULTS, OwnMetrics


class World:
    """Faults under a clock that the test moves."""

    def __init__(self):
        self.now = 100.0
        self.own = OwnMetrics()
        self.faults = Faults(own=self.own, clock=Clock(monotonic=lambda: self.now))

    def count(self, where):
        name = "waggle_collector_errors_total"
        return self.own.registry.get_sample_value(name, {"where": where})


@pytest.fixture
def hooks():
    """What catches an exception that nobody else does is the old one again after the test."""
    before = threading.excepthook, sys.unraisablehook
    yield
    threading.excepthook, sys.unraisablehook = before


def test_each_kind_is_logged_once_a_minute_and_counted_each_time(caplog):
    """Two kinds, many times: two tracebacks, and another one of each after a minute."""
    world = World()
    assert {where: world.count(where) for where in FAULTS} == dict.fromkeys(FAULTS, 0)

    def fail_often():
        for _ in range(5):
            with world.faults.kept("intake", "a line can't be read"):
                raise KeyError("one")
            with world.faults.kept("intake", "a line can't be read"):
                raise KeyError("another place")

    with caplog.at_level(logging.ERROR):
        fail_often()
        assert len(caplog.records) == 2
        assert all(record.exc_info for record in caplog.records)
        world.now += 61
        fail_often()
        assert len(caplog.records) == 4
    assert world.count("intake") == 20


def test_a_task_that_raises_begins_again_and_one_that_is_cancelled_ends(monkeypatch, caplog):
    """Whatever it raises; that what it awaits was cancelled doesn't end it either."""
    monkeypatch.setattr(module, "DEFAULT_RESTART_SECONDS", 0.0)
    world, begun = World(), []

    async def work():
        begun.append(1)
        if len(begun) == 1:
            raise ValueError("bad")
        if len(begun) == 2:
            awaited = asyncio.get_running_loop().create_future()
            awaited.cancel()
            await awaited
        await asyncio.sleep(60)

    async def run():
        task = world.faults.task("identity", "work failed", work)
        while len(begun) < 3:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(run())
    assert world.count("identity") == 2
    assert [record.exc_info[0] for record in caplog.records] == [ValueError, asyncio.CancelledError]


def test_what_nobody_catches_is_noted(caplog, hooks):
    """In a callback, in a task that nobody awaits, in a thread, in a finalizer."""
    world = World()

    class Bad:
        def __del__(self):
            raise ValueError("finalizer")

    def callback():
        raise ValueError("callback")

    def in_thread():
        raise ValueError("thread")

    async def nobody_awaits():
        raise ValueError("task")

    async def run():
        world.faults.watch()
        asyncio.get_running_loop().call_soon(callback)
        asyncio.get_running_loop().create_task(nobody_awaits())
        thread = threading.Thread(target=in_thread)
        thread.start()
        thread.join()
        Bad()
        while world.count("loop") < 4:
            await asyncio.sleep(0.01)

    asyncio.run(run())
    said = {str(record.exc_info[1]) for record in caplog.records}
    assert said == {"callback", "task", "thread", "finalizer"}
