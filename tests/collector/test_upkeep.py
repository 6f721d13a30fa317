"""What is done each second goes on, whatever fails of it."""

import asyncio
import logging
import os
import tempfile

import pytest

from waggle_live_collector import upkeep as module
from waggle_live_collector.clock import Clock
from waggle_live_collector.faults import Faults
from waggle_live_collector.own_metrics import OwnMetrics
from waggle_live_collector.sockets.unix import UnixSocket
from waggle_live_collector.upkeep import Upkeep


@pytest.fixture
def unix(monkeypatch):
    """A socket in a directory of its own; looked after each 10 ms."""
    monkeypatch.setattr(module, "TICK_SECONDS", 0.01)
    with tempfile.TemporaryDirectory(prefix="wl-") as directory:
        yield UnixSocket(os.path.join(directory, "s"), mode=0o666, gid=None)


def run(unix, work, until, replaced):
    own, clock = OwnMetrics(), Clock()

    async def go():
        stop = asyncio.Event()
        with unix.bind():
            upkeep = Upkeep(
                work=work,
                unix=unix,
                replace=replaced.append,
                faults=Faults(own=own, clock=clock),
                clock=clock,
            )
            task = asyncio.create_task(upkeep.until(stop))
            async with asyncio.timeout(30):
                while not until():
                    await asyncio.sleep(0.01)
            stop.set()
            await task

    asyncio.run(go())
    return own


def test_a_part_that_raises_costs_that_part_alone(unix, caplog):
    """The others are done as often; it is counted each time and logged once."""
    done = []

    def bad():
        raise ValueError("bad")

    work = {"table": bad, "state": lambda: done.append(1)}
    own = run(unix, work, lambda: len(done) >= 5, [])
    counted = own.registry.get_sample_value("waggle_collector_errors_total", {"where": "table"})
    assert counted >= 5
    assert [record.exc_info[0] for record in caplog.records] == [ValueError]


def test_a_socket_that_was_removed_is_made_anew_and_a_reason_is_said_once(unix, caplog):
    """As soon as that is possible; nobody is cut off."""
    replaced, ticks = [], []

    def work():
        ticks.append(1)
        if len(ticks) == 2:
            unix.unlink()
            os.mkdir(unix.path)  # nothing can be bound there
        if len(ticks) == 8:
            os.rmdir(unix.path)

    with caplog.at_level(logging.WARNING):
        run(unix, {"table": work}, lambda: replaced, replaced)
    replaced[0].close()
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "no new plugin can report" in said[0]
    assert "made again" in said[1]


def test_a_reason_that_comes_again_is_said_again(unix, caplog):
    """Once the socket was there meanwhile; else the log ends with good news."""
    replaced, ticks = [], []

    def work():
        ticks.append(1)
        if len(ticks) in (2, 8):
            unix.unlink()
            os.mkdir(unix.path)
        if len(ticks) in (5, 11):
            os.rmdir(unix.path)

    with caplog.at_level(logging.WARNING):
        run(unix, {"table": work}, lambda: len(replaced) == 2, replaced)
    for sock in replaced:
        sock.close()
    said = ["made again" in record.getMessage() for record in caplog.records]
    assert said == [False, True, False, True]
