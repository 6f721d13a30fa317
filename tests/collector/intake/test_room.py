"""Connections and their unfinished lines under the budget, over real sockets."""

import asyncio
import contextlib
import json
import os
import socket
import tempfile
import tracemalloc

import pytest

from waggle_live_collector.budget import Budget, What
from waggle_live_collector.intake import listener as module
from waggle_live_collector.intake.listener import CONNECTION_BYTES, Listener
from waggle_live_collector.limits import Limits

from ..harness import Client, start, wait_until
from ..world import World, counter

KIB = 1024
MINE = f"uid:{os.getuid()}"


def hello(session):
    return {"type": "hello", "version": 1, "session": session, "key": "key-of-" + session}


class Peer:
    """One connection to a listener in this event loop."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def say(self, *messages):
        """Send objects, or bytes as they are."""
        for message in messages:
            data = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
            self.writer.write(data)
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    async def read(self):
        """Return the next message; None at the end."""
        try:
            line = await asyncio.wait_for(self.reader.readline(), 30)
        except ConnectionError:
            return None
        return json.loads(line) if line else None


async def until(condition):
    """Wait until something is so."""
    for _ in range(3000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("waited 30 s in vain")


def listening(test, size=10**6, **limits):
    """Run ``test(world, listener, connect)`` beside a listener with a budget of that size."""

    async def run():
        world = World()
        listener = Listener(
            processes=world.processes,
            control=world.control,
            when_saved=world.when_saved,
            own=world.own,
            faults=world.faults,
            budget=Budget(size, reserve=0),
            clock=world.clock,
            limits=Limits(**limits),
        )
        with tempfile.TemporaryDirectory(prefix="wl-") as directory:
            path = os.path.join(directory, "s")
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            sock.bind(path)
            sock.listen(100)
            listener.acceptor.start(sock)
            peers = []

            async def connect():
                peers.append(Peer(*await asyncio.open_unix_connection(path)))
                return peers[-1]

            try:
                await test(world, listener, connect)
            finally:
                for peer in peers:
                    peer.writer.close()
                await until(lambda: not listener.budget.root.total)
                listener.acceptor.stop()

    asyncio.run(run())


def outcome(world, name):
    return world.value("waggle_collector_connections_total", 0, outcome=name)


def test_the_largest_unfinished_line_gives_way_and_is_named():
    """Its peer is told why and cut off; the others finish theirs."""

    async def test(world, listener, connect):
        small = await connect()
        await small.say(hello("small-one"), b'{"type":"flush",')
        large = await connect()
        await large.say(hello("large-one"), b"x" * 120 * KIB)
        await until(lambda: listener.budget.root.held[What.INCOMPLETE] > 120 * KIB)
        third = await connect()
        await third.say(hello("third-one"), b"x" * 100 * KIB)
        assert (await large.read())["type"] == "welcome"
        refused = await large.read()
        assert refused["code"] == "budget"
        assert await large.read() is None
        await small.say(b'"number":7}\n')
        assert (await small.read())["type"] == "welcome"
        assert await small.read() == {"type": "applied", "number": 7}
        assert world.refusals()["budget"] == 1
        refusal = {"reason": "budget", "principal": MINE}
        assert world.value("waggle_collector_refusals_total", **refusal) == 1
        assert outcome(world, "crowded") == 1

    listening(test, size=240 * KIB)


def test_a_line_that_gives_way_is_freed_at_once():
    """Before the loop's next turn, since others may fill its room in this one."""

    async def test(world, listener, connect):
        tracemalloc.start()
        await (await connect()).say(hello("large-one"), b"x" * 900 * KIB)
        await until(lambda: listener.budget.root.held[What.INCOMPLETE] >= 900 * KIB)
        before, _ = tracemalloc.get_traced_memory()
        (process,) = next(listener.budget.principals()).children.values()
        (connection,) = process.children.values()
        connection.lose(What.INCOMPLETE)
        assert before - tracemalloc.get_traced_memory()[0] >= 850 * KIB
        tracemalloc.stop()

    listening(test)


def test_a_connection_that_there_is_no_room_for_is_told_so():
    """It is closed, and those that speak for a process stay."""

    async def test(world, listener, connect):
        living = await connect()
        await living.say(hello("living-one"))
        assert (await living.read())["type"] == "welcome"
        strangers = [await connect() for _ in range(10)]
        await until(lambda: outcome(world, "crowded") >= 1)
        told = [await peer.read() for peer in strangers[:1]]
        assert [message["code"] for message in told] == ["budget"]
        await living.say({"type": "flush", "number": 1})
        assert (await living.read())["type"] == "applied"

    listening(test, size=8 * CONNECTION_BYTES)


def test_who_waits_for_us_is_not_silent():
    """Its bye is answered however late the state is written; from then on it has seconds."""

    async def test(world, listener, connect):
        waiting = []
        listener.when_saved = waiting.append
        ended = await connect()
        await ended.say(hello("ended-one"), {"type": "bye", "number": 1})
        assert (await ended.read())["type"] == "welcome"
        await until(lambda: waiting)
        world.time.pass_(10.1)
        listener.acceptor.sweep()
        assert outcome(world, "silent") == 0
        waiting[0](True)
        assert (await ended.read())["type"] == "applied"
        listener.acceptor.sweep()
        assert outcome(world, "silent") == 1
        assert await ended.read() is None

    listening(test)


def test_who_does_not_speak_for_a_living_process_has_seconds():
    """Before hello, with a hello for a session that has ended, and after bye."""

    async def test(world, listener, connect):
        ended = await connect()
        await ended.say(hello("ended-one"), {"type": "bye", "number": 1})
        assert [(await ended.read())["type"] for _ in range(2)] == ["welcome", "applied"]
        again = await connect()
        await again.say(hello("ended-one"), {"type": "flush", "number": 2})
        assert [(await again.read())["type"] for _ in range(2)] == ["welcome", "applied"]
        await connect()
        living = await connect()
        await living.say(hello("living-one"))
        assert (await living.read())["type"] == "welcome"
        world.time.pass_(9.9)
        listener.acceptor.sweep()
        assert outcome(world, "silent") == 0
        world.time.pass_(0.2)
        listener.acceptor.sweep()
        assert outcome(world, "silent") == 3
        assert await ended.read() is None
        assert await again.read() is None
        await living.say({"type": "flush", "number": 3})
        assert (await living.read())["type"] == "applied"

    listening(test)


def test_answers_that_nobody_reads_are_held_until_they_are_read(monkeypatch):
    """And who reads none of them loses its connection when there is no room."""
    monkeypatch.setattr(module, "DEFAULT_MAX_UNREAD", 10**9)

    async def test(world, listener, connect):
        deaf = await connect()
        deaf.reader._transport.pause_reading()
        flush = {"type": "flush", "number": 1}
        await deaf.say(hello("deaf-one"))
        held = listener.budget.root.held
        while not held[What.ANSWERS]:
            await deaf.say(*[flush] * 100)
            await asyncio.sleep(0.001)
        deaf.reader._transport.resume_reading()
        reading = asyncio.create_task(deaf.reader.read(-1))
        await until(lambda: not held[What.ANSWERS])
        reading.cancel()
        deaf.reader._transport.pause_reading()
        while not outcome(world, "crowded"):
            await deaf.say(*[flush] * 100)
            await asyncio.sleep(0.001)
        assert world.refusals()["budget"] == 1

    listening(test, size=100 * KIB)


def test_an_error_of_ours_costs_the_connection_that_it_came_up_in(monkeypatch, caplog):
    """It is logged with its traceback and counted; a neighbour goes on."""

    async def test(world, listener, connect):
        neighbour, broken = await connect(), await connect()
        for peer, name in ((neighbour, "neighbour"), (broken, "broken-one")):
            await peer.say(hello(name))
            assert (await peer.read())["type"] == "welcome"
        apply = world.processes.apply

        def failing(process, update, refusals):
            if process.id == "broken-one":
                raise OSError("of a kind that asyncio is silent about")
            return apply(process, update, refusals)

        monkeypatch.setattr(world.processes, "apply", failing)
        update = {"type": "update", "number": 1, "monotonic": 1.0, "cells": [counter("a", 1)]}
        await broken.say(update)
        assert await broken.read() is None
        await neighbour.say(update, {"type": "flush", "number": 1})
        assert (await neighbour.read())["type"] == "applied"
        assert world.value("waggle_collector_errors_total", where="intake") == 1
        assert "of a kind that asyncio is silent about" in caplog.text
        assert "Traceback" in caplog.text

    listening(test)


@pytest.mark.alone
def test_what_a_connection_is_counted_for_is_what_it_takes():
    """Silent ones, and unfinished lines of the longest."""
    line = 512 * KIB
    limits = "Limits(process_pace=(1000, 1000))"
    with start(limits=limits) as collector, contextlib.ExitStack() as stack:

        def resident():
            return collector.value("process_resident_memory_bytes")

        def held():
            return sum(
                value
                for labels, value in collector.scrape().all("waggle_collector_budget_bytes")
                if labels["what"] == "incomplete"
            )

        for _ in range(20):  # what the first ones warm up
            Client(collector).close()
        before = resident()
        for _ in range(500):
            stack.enter_context(Client(collector))
        wait_until(lambda: held() >= 500 * CONNECTION_BYTES)
        grown = resident() - before
        assert 0.9 * grown < held() < 4 * grown, (grown, held())
        talkers = [stack.enter_context(Client(collector)) for _ in range(8)]
        for number, client in enumerate(talkers):
            client.hello(f"talker-{number}")
        before = resident()
        for client in talkers:
            client.send(b"x" * line)
        wait_until(lambda: held() >= 8 * line)
        grown = resident() - before
        assert 0.7 * grown < 8 * line < 2 * grown, grown
