"""The acceptor alone, on real sockets, with small constants."""

import asyncio
import resource
import socket
import sys
import tempfile
import time
from collections import Counter

import pytest

from waggle_live_collector.budget import Budget, What
from waggle_live_collector.clock import Clock
from waggle_live_collector.faults import Faults
from waggle_live_collector.identity.peer import principal_of
from waggle_live_collector.own_metrics import OwnMetrics
from waggle_live_collector.sockets.acceptor import Acceptor


class Echo(asyncio.Protocol):
    """Waits for its first byte, then works: it says again what it hears."""

    def __init__(self, world, sock):
        self.world, self.since, self.transport = world, time.monotonic(), None
        principal = principal_of(sock) if sock.family == socket.AF_INET else "uid:0"
        self.principal = principal.replace(f"address:{world.pod}", f"pod:{world.pod}")
        self.account = world.budget.account(self.principal, object(), self)

    async def open(self, sock):
        await self.world.handshake()
        await asyncio.get_running_loop().connect_accepted_socket(lambda: self, sock)

    def overdue(self, now):
        return "slow" if now - self.since > self.world.seconds else ""

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
    """An acceptor on a port or socket of its own, what it counted, and its clients."""

    def __init__(
        self, *, seconds=60.0, most=1000, process_pace=(1000, 1.0), pace=(1000, 1.0), unix=False
    ):
        self.counted, self.clients = Counter(), []
        self.losers, self.pod, self.seconds = set(), "-", seconds
        self.own, self.budget = OwnMetrics(), Budget(1 << 20)
        self.acceptor = Acceptor(
            make=self._make,
            count=self._count,
            delayed=self.own.accept_delays.inc,
            faults=Faults(own=self.own, clock=Clock()),
            now=time.monotonic,
            working=What.ANSWERS,
            most=most,
            process_pace=process_pace,
            pod_pace=pace,
        )
        self.welcome = True
        self.directory = tempfile.TemporaryDirectory(prefix="wl-")
        if unix:
            self.listening = socket.socket(socket.AF_UNIX)
            self.listening.bind(self.directory.name + "/s")
            self.listening.listen(512)
        else:
            self.listening = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.address = self.listening.getsockname()
        self.listening.setblocking(False)

    async def __aenter__(self):
        self.acceptor.start(self.listening)
        return self

    async def __aexit__(self, *_):
        self.acceptor.stop()
        self.acceptor.abort()
        for client in self.clients:
            client.close()
        await self.until(lambda: not self.budget.root.total)
        self.directory.cleanup()

    def _make(self, sock):
        if self.welcome is None:
            raise RuntimeError("of our own")
        return Echo(self, sock) if self.welcome else None

    def _count(self, outcome, principal):
        self.counted[outcome] += 1
        if outcome != "accepted":
            self.losers.add(principal)

    async def handshake(self):
        """Succeed at once; tests put another in its place."""

    def connect(self, count, say=b"", host="127.0.0.1"):
        """Return so many clients that have said something."""
        clients = [socket.socket(self.listening.family) for _ in range(count)]
        self.clients += clients
        for client in clients:
            if client.family == socket.AF_INET:
                client.bind((host, 0))
            client.connect(self.address)
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


def test_a_pod_that_connects_too_often_is_closed():
    """Whatever processes it uses, and nobody else."""

    async def run():
        async with World(pace=(5, 0.001)) as world:
            world.pod = "127.0.0.2"
            flood = world.connect(8, b"x", host="127.0.0.2")
            others = world.connect(8, b"y")
            assert await answers(flood) == [b"x"] * 5 + [b""] * 3
            assert await answers(others) == [b"y"] * 8
            assert world.counted == {"accepted": 13, "paced": 3}
            assert world.losers == {"pod:127.0.0.2"}

    asyncio.run(run())


def test_a_process_is_paced_by_itself():
    """Over a unix socket the kernel says which one it is; another one of its user is served."""

    async def run():
        async with World(process_pace=(5, 0.001), unix=True) as world:
            assert await answers(world.connect(8, b"x")) == [b"x"] * 5 + [b""] * 3
            code = (
                "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
                "s.sendall(b'z'); print(s.recv(1))"
            )
            other = await asyncio.create_subprocess_exec(
                sys.executable, "-c", code, world.address, stdout=asyncio.subprocess.PIPE
            )
            assert (await other.communicate())[0] == b"b'z'\n"
            assert world.counted == {"accepted": 6, "paced": 3}

    asyncio.run(run())


def test_those_that_wait_make_room_the_first_one_first():
    """Of the address with the most of them; whoever said something is not among them."""

    async def run():
        async with World(most=6) as world:
            (talker,) = world.connect(1, b"x", host="127.0.0.2")
            assert await answers([talker]) == [b"x"]
            silent = world.connect(7, host="127.0.0.2")
            (other,) = world.connect(1, b"y")
            assert await answers([other]) == [b"y"]
            assert await answers(silent[:2]) == [b"", b""]
            assert world.counted["crowded"] >= 2
            talker.sendall(b"y")
            silent[-1].sendall(b"z")
            assert await answers([talker, silent[-1]]) == [b"y", b"z"]

    asyncio.run(run())


def test_where_all_are_at_work_the_oldest_of_the_address_with_most_makes_room():
    """There are descriptors for so many; whoever comes from elsewhere is served."""

    async def run():
        async with World(most=4) as world:
            first = world.connect(3, b"x", host="127.0.0.2")
            assert await answers(first) == [b"x"] * 3
            (other,) = world.connect(1, b"y")
            assert await answers([other]) == [b"y"]
            assert await answers(first[:1]) == [b""]
            other.sendall(b"z")
            assert await answers([other]) == [b"z"]
            assert world.counted == {"accepted": 4, "crowded": 1}

    asyncio.run(run())


def test_without_descriptors_it_waits_and_says_so_once():
    """Nobody is lost: who comes is in the kernel's queue until there are some."""

    async def run():
        async with World() as world:
            clients = [socket.socket() for _ in range(3)]
            world.clients += clients
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            # Not those that are open: what an earlier test left may be closed just now.
            resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
            try:
                for client in clients:
                    client.connect(world.address)
                    client.sendall(b"x")
                    client.setblocking(False)
                await world.until(lambda: world.own.accept_delays._value.get() >= 3)
                assert not world.counted
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            assert await answers(clients) == [b"x"] * 3

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


@pytest.mark.parametrize(("welcome", "faults"), [(False, 0), (None, 1)], ids=["refused", "fault"])
def test_whoever_gets_no_connection_is_closed_and_the_next_one_is_served(welcome, faults):
    """Refused by whoever makes them, or by a fault of ours, which is noted."""

    async def run():
        async with World() as world:
            world.welcome = welcome
            assert await answers(world.connect(1)) == [b""]
            world.welcome = True
            assert await answers(world.connect(1, b"x")) == [b"x"]
            name = "waggle_collector_errors_total"
            assert world.own.registry.get_sample_value(name, {"where": "sockets"}) == faults

    asyncio.run(run())


def test_what_stood_in_the_queue_is_accepted_at_the_end():
    """Whoever connected before the end is heard, and nobody after it."""

    async def run():
        async with World(unix=True) as world:  # another process could get the number of a port
            clients = world.connect(20, b"x")
            world.acceptor.stop()
            assert await answers(clients) == [b"x"] * 20
            try:
                world.connect(1)
            except ConnectionRefusedError:
                return
            raise AssertionError("it accepts still")

    asyncio.run(run())
