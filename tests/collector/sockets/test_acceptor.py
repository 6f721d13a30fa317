"""The acceptor alone, on real sockets, with small constants."""

import asyncio
import socket
import time
from collections import Counter

from waggle_live_collector.clock import Clock
from waggle_live_collector.faults import Faults
from waggle_live_collector.own_metrics import OwnMetrics
from waggle_live_collector.sockets.acceptor import Acceptor


class Echo(asyncio.Protocol):
    """Waits for its first byte, then works: it says again what it hears."""

    def __init__(self, world):
        self.world, self.since, self.transport = world, time.monotonic(), None

    async def open(self, sock):
        await self.world.handshake()
        await asyncio.get_running_loop().connect_accepted_socket(lambda: self, sock)

    def abort(self):
        if self.transport is not None:
            self.transport.abort()

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.world.acceptor.moved(self, waiting=False)
        self.transport.write(data)

    def connection_lost(self, exc):
        self.world.acceptor.lost(self)


class World:
    """An acceptor on a port of its own, what it counted, and its clients."""

    def __init__(self, *, seconds=60.0, rate=1000.0, **bounds):
        self.counted, self.delays, self.clients = Counter(), 0, []
        self.acceptor = Acceptor(
            make=lambda sock: Echo(self) if self.welcome else None,
            overdue=lambda one, now: "slow" if now - one.since > seconds else "",
            count=lambda outcome: self.counted.update([outcome]),
            delayed=self._delayed,
            faults=Faults(own=OwnMetrics(), clock=Clock()),
            now=time.monotonic,
            rate=rate,
            **bounds,
        )
        self.welcome = True
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.address = self.listening.getsockname()
        self.listening.setblocking(False)

    async def __aenter__(self):
        self.acceptor.start(self.listening)
        return self

    async def __aexit__(self, *_):
        await self.acceptor.stop()
        self.acceptor.abort()
        for client in self.clients:
            client.close()
        await asyncio.sleep(0.01)

    def _delayed(self):
        self.delays += 1

    async def handshake(self):
        """Succeed at once; tests put another in its place."""

    def connect(self, count, say=b""):
        """Return so many clients that have said something."""
        clients = [socket.create_connection(self.address) for _ in range(count)]
        self.clients += clients
        for client in clients:
            client.setblocking(False)
            client.sendall(say)
        return clients

    async def until(self, condition):
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0.01)


async def answers(clients):
    """Return what each client hears next; b"" for one that is closed."""
    loop = asyncio.get_running_loop()
    heard = []
    for client in clients:
        try:
            heard.append(await asyncio.wait_for(loop.sock_recv(client, 100), 30))
        except ConnectionError:
            heard.append(b"")
    return heard


def test_nobody_is_refused_who_comes_too_fast_waits_in_the_queue():
    """Fifty at once at a rate of 20 a second: all are served, and the delays counted."""

    async def run():
        async with World(rate=20.0) as world:
            begin = time.monotonic()
            clients = world.connect(50, b"x")
            assert await answers(clients) == [b"x"] * 50
            assert time.monotonic() - begin > 1
            assert world.counted == {"accepted": 50}
            assert world.delays > 10

    asyncio.run(run())


def test_a_storm_above_the_rate_is_served_later():
    """Whoever comes while it lasts waits behind it, and who comes after it waits for nobody."""

    async def run():
        async with World(rate=50.0) as world:
            storm = world.connect(100, b"x")
            (late,) = world.connect(1, b"y")
            assert await answers([late]) == [b"y"]
            assert world.counted == {"accepted": 101}
            assert await answers(storm) == [b"x"] * 100
            await asyncio.sleep(0.1)
            before = world.delays
            assert await answers(world.connect(1, b"z")) == [b"z"]
            assert world.delays == before

    asyncio.run(run())


def test_those_that_wait_make_room_the_first_one_first():
    """They are bounded; whoever said something is not among them."""

    async def run():
        async with World(most_waiting=3) as world:
            (talker,) = world.connect(1, b"x")
            assert await answers([talker]) == [b"x"]
            silent = world.connect(5)
            assert await answers(silent[:2]) == [b"", b""]
            assert world.counted == {"accepted": 6, "crowded": 2}
            talker.sendall(b"y")
            silent[2].sendall(b"z")
            assert await answers([talker, silent[2]]) == [b"y", b"z"]

    asyncio.run(run())


def test_a_grace_is_given_to_those_that_just_came():
    """As to the processes that all return to a restarted collector."""

    async def run():
        async with World(most_waiting=1, grace=0.3) as world:
            clients = world.connect(4)
            await world.until(lambda: world.counted["accepted"] == 4)
            assert world.counted["crowded"] == 0
            await asyncio.sleep(0.4)
            world.acceptor.sweep()
            assert await answers(clients[:3]) == [b""] * 3
            assert world.counted["crowded"] == 3

    asyncio.run(run())


def test_where_all_are_at_work_the_oldest_makes_room():
    """The bound of all connections holds; whoever comes is served."""

    async def run():
        async with World(most=2) as world:
            first = world.connect(2, b"x")
            assert await answers(first) == [b"x"] * 2
            (silent,) = world.connect(1)
            assert await answers(first[:1]) == [b""]
            (late,) = world.connect(1, b"y")  # the one that waits goes before the other at work
            assert await answers([silent, late]) == [b"", b"y"]
            assert world.counted == {"accepted": 4, "crowded": 2}

    asyncio.run(run())


def test_a_handshake_that_never_ends_is_cut_and_closed():
    """By the sweep as by those that need its room."""

    async def run():
        async with World(seconds=0.1, most=2) as world:
            world.handshake = asyncio.Event().wait
            clients = world.connect(3)
            assert await answers(clients[:1]) == [b""]
            await asyncio.sleep(0.2)
            world.acceptor.sweep()
            assert await answers(clients[1:]) == [b"", b""]
            assert world.counted == {"accepted": 3, "crowded": 1, "slow": 2}

    asyncio.run(run())


def test_a_handshake_that_fails_costs_only_its_own():
    """It is closed and counted, and the next one is served."""

    async def fail():
        raise ConnectionResetError

    async def run():
        async with World() as world:
            world.handshake = fail
            assert await answers(world.connect(2)) == [b"", b""]
            del world.handshake
            assert await answers(world.connect(1, b"x")) == [b"x"]
            assert world.counted == {"accepted": 3, "tls": 2}

    asyncio.run(run())


def test_refused_connections_are_closed():
    """Where whoever makes connections makes none."""

    async def run():
        async with World() as world:
            world.welcome = False
            assert await answers(world.connect(2)) == [b"", b""]

    asyncio.run(run())


def test_what_stood_in_the_queue_is_accepted_at_the_end():
    """Whoever connected before the end is heard, and nobody after it."""

    async def run():
        async with World(rate=1.0) as world:
            clients = world.connect(20, b"x")
            await world.acceptor.stop()
            assert await answers(clients) == [b"x"] * 20
            try:
                world.connect(1)
            except ConnectionRefusedError:
                return
            raise AssertionError("it accepts still")

    asyncio.run(run())
