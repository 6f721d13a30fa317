"""Accepts plugins' connections and carries bytes between sockets and protocols.

Bounds: connections per second (more wait in the kernel's queue), connections that have not
said ``hello`` (the oldest makes room), seconds until ``hello``, and bytes that wait for a
peer that doesn't read (it is cut off). A peer whose bytes take long is read again later, by a
multiple of that time if most of what it says is refused, so that a flood from one costs the
others and the scrapes little. Belongs to the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable

from ..clock import Clock
from ..identity import peer as peers
from ..identity.peer import Peer
from ..own_metrics import OwnMetrics
from ..sockets.tcp import keep_alive
from .protocol import Wire, WireProtocol

log = logging.getLogger(__name__)

#: Connections that may be without a process at a time, besides those of the last second: a
#: thousand processes that return to a restarted collector at once are no attack.
DEFAULT_MAX_WAITING = 128
GRACE_SECONDS = 1.0
#: Seconds that a connection may take until its ``hello``.
DEFAULT_HELLO_SECONDS = 10.0
#: Bytes that may wait for one peer to read them.
DEFAULT_MAX_UNREAD = 64 * 1024
#: Bytes read from one peer at a time.
DEFAULT_READ_BYTES = 16 * 1024
#: A peer that kept us busy this many seconds is not read again for as long ...
BUSY_SECONDS = 0.005
#: ... or for this many times as long, while its errors are too many to be answered; ...
FLOOD_FACTOR = 20
#: ... but not longer than this, for its end must be seen within a second.
MAX_PAUSE = 0.5
#: Pause after a failed accept, for want of descriptors mostly.
ACCEPT_PAUSE = 0.1
#: At the end: bytes that stand in the sockets are read until they are quiet for ...
QUIET_SECONDS = 0.05
#: ... or this much time is over.
DRAIN_SECONDS = 1.0

MakeProtocol = Callable[[Wire, Peer], WireProtocol]


class Connection(asyncio.BufferedProtocol):
    """One accepted socket; hands bytes to its protocol and back."""

    #: What is read is taken in at once, so all connections share one buffer.
    _buffer = memoryview(bytearray(DEFAULT_READ_BYTES))

    def __init__(self, listener: Listener, make: MakeProtocol, peer: Peer) -> None:
        self._listener = listener
        self._transport: asyncio.Transport | None = None
        self.protocol = make(self, peer)
        self.since = listener.clock.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio: the connection stands."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._listener.opened(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Asyncio: where to put bytes."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Asyncio: bytes came."""
        self._listener.activity += 1
        clock = self._listener.clock
        begin = clock.monotonic()
        self.protocol.receive(bytes(self._buffer[:nbytes]))
        took = clock.monotonic() - begin
        if took > BUSY_SECONDS:
            self._pause(min(took * (FLOOD_FACTOR if self.protocol.floods else 1), MAX_PAUSE))
        if self.protocol.greeted:
            self._listener.greeted(self)

    def _pause(self, seconds: float) -> None:
        """Read no more for so long."""
        if self._transport is not None and self._transport.is_reading():
            self._listener.own.read_pauses.inc()
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def eof_received(self) -> bool:
        """Asyncio: the peer says no more; the protocol closes when it has answered."""
        self._listener.activity += 1
        self.protocol.end_of_file()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio: the peer is gone, or we closed."""
        self._transport = None
        self._listener.lost(self)
        self.protocol.end_of_file()

    def send(self, data: bytes) -> None:
        """Queue an answer; a peer that reads none of them is cut off."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > DEFAULT_MAX_UNREAD:
            self._listener.own.connections.labels("unread").inc()
            transport.abort()
            return
        transport.write(data)

    def close(self) -> None:
        """Close when what was queued is sent; a peer that doesn't read it is cut off later."""
        if self._transport is not None:
            self._transport.close()
            asyncio.get_running_loop().call_later(1.0, self.abort)

    def abort(self) -> None:
        """Close now."""
        if self._transport is not None:
            self._transport.abort()


class Listener:
    """Accepts on any number of listening sockets, until told to stop."""

    def __init__(
        self,
        *,
        make_protocol: MakeProtocol,
        own: OwnMetrics,
        clock: Clock,
        connections_per_second: int,
        prove: bool = False,
    ) -> None:
        self.own = own
        self.clock = clock
        #: Rises whenever bytes or connections arrive.
        self.activity = 0
        self._make = make_protocol
        #: Ask the kernel for the pods of peers.
        self._prove = prove
        self._rate = float(connections_per_second)
        self._allowance = self._rate
        self._allowed_at = clock.monotonic()
        self._open: set[Connection] = set()
        self._waiting: dict[Connection, None] = {}
        self._tasks: list[tuple[asyncio.Task[None], socket.socket]] = []

    def start(self, sock: socket.socket) -> None:
        """Accept on a listening, non-blocking socket."""
        self._tasks.append((asyncio.create_task(self._accept(sock)), sock))

    async def replace(self, sock: socket.socket) -> None:
        """Accept on ``sock`` instead of the others of its family; the connections stay."""
        await self._accept_no_more(sock.family)
        self.start(sock)

    async def stop(self) -> None:
        """Accept no more, then read what is already on its way, within a second."""
        await self._accept_no_more()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + DRAIN_SECONDS
        seen = -1
        while seen != self.activity and loop.time() < deadline:
            seen = self.activity
            await asyncio.sleep(QUIET_SECONDS)

    def abort(self) -> None:
        """Cut every connection."""
        for connection in list(self._open):
            connection.abort()

    def sweep(self) -> None:
        """Cut connections that said no ``hello`` in time; call about once a second."""
        now = self.clock.monotonic()
        self._make_room()
        for connection in list(self._waiting):
            if now - connection.since < DEFAULT_HELLO_SECONDS:
                break
            self._cut(connection, "silent")

    def opened(self, connection: Connection) -> None:
        """A connection stands; make room for it among those that said no ``hello`` yet."""
        self.activity += 1
        self._open.add(connection)
        self._waiting[connection] = None
        self._make_room()

    def greeted(self, connection: Connection) -> None:
        """The connection has a process."""
        self._waiting.pop(connection, None)

    def lost(self, connection: Connection) -> None:
        """The connection is gone."""
        self._open.discard(connection)
        self._waiting.pop(connection, None)

    def _make_room(self) -> None:
        """Cut those that say nothing for longest, where they are too many."""
        now = self.clock.monotonic()
        while len(self._waiting) > DEFAULT_MAX_WAITING:
            oldest = next(iter(self._waiting))
            if now - oldest.since < GRACE_SECONDS:
                return
            self._cut(oldest, "crowded")

    def _cut(self, connection: Connection, outcome: str) -> None:
        self.own.connections.labels(outcome).inc()
        self._waiting.pop(connection, None)
        connection.abort()

    async def _accept_no_more(self, family: int | None = None) -> None:
        tasks, self._tasks = self._tasks, []
        for task, sock in tasks:
            if family not in (None, sock.family):
                self._tasks.append((task, sock))
                continue
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            # Short processes that connected, said all and left stand in the queue still.
            with contextlib.suppress(OSError):
                while True:
                    await self._adopt(sock.accept()[0])
            sock.close()

    async def _accept(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._pace()
            try:
                accepted, _ = await loop.sock_accept(sock)
                await self._adopt(accepted)
            except OSError as error:
                self.own.accept_delays.inc()
                log.warning("can't accept a connection: %s", error)
                await asyncio.sleep(ACCEPT_PAUSE)

    async def _adopt(self, accepted: socket.socket) -> None:
        accepted.setblocking(False)
        # At once, for the number of a process that ends may become another's.
        peer = peers.of(accepted, prove=self._prove)
        if peer.tcp:
            keep_alive(accepted)
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(lambda: Connection(self, self._make, peer), accepted)
        self.own.connections.labels("accepted").inc()
        log.debug("connection from %s", peer)

    async def _pace(self) -> None:
        """Wait until the rate allows one more connection."""
        now = self.clock.monotonic()
        self._allowance += (now - self._allowed_at) * self._rate
        self._allowance = min(self._allowance, self._rate)
        self._allowed_at = now
        if self._allowance < 1:
            self.own.accept_delays.inc()
            await asyncio.sleep((1 - self._allowance) / self._rate)
        self._allowance -= 1
