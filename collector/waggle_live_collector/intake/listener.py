"""Carries bytes between the sockets of plugins and their protocols.

Bounds: descriptors, seconds until a connection has said ``hello``, and bytes that wait for a peer
that doesn't read (it is cut off). A peer whose bytes take long is read again later, by a multiple
of that time if most of what it says is refused, so that a flood from one costs the others and the
scrapes little. Belongs to the event loop.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from dataclasses import dataclass
from functools import partial

from ..budget import Budget, What
from ..clock import Clock
from ..faults import Faults
from ..identity import peer as peers
from ..identity.peer import Peer
from ..limits import Limits, plugin_connections
from ..own_metrics import OwnMetrics
from ..sockets.acceptor import Acceptor
from ..sockets.tcp import keep_alive
from ..table.processes import Processes
from .protocol import WhenSaved, WireProtocol

log = logging.getLogger(__name__)

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
#: Seconds in which a peer has to read what it was sent before we close.
CLOSE_SECONDS = 1.0
#: At the end: bytes that stand in the sockets are read until they are quiet for ...
QUIET_SECONDS = 0.05
#: ... or this much time is over.
DRAIN_SECONDS = 1.0


class PluginConnection(asyncio.BufferedProtocol):
    """One accepted socket; hands bytes to its protocol and back."""

    #: What is read is taken in at once, so all connections share one buffer.
    _buffer = memoryview(bytearray(DEFAULT_READ_BYTES))

    def __init__(self, listener: Listener, peer: Peer) -> None:
        self.account = listener.budget.account(
            peer.principal,
            peer.process,
            self,
            lose=lambda _: listener.acceptor.cut(self, "crowded"),
        )
        self.since = listener.clock.monotonic()
        self._listener = listener
        self._transport: asyncio.Transport | None = None
        self._protocol = listener.protocol(wire=self, peer=peer)
        self._greeted = False

    async def open(self, sock: socket.socket) -> None:
        """Take the accepted socket over."""
        await asyncio.get_running_loop().connect_accepted_socket(lambda: self, sock)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio: the connection stands."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._listener.activity += 1

    def get_buffer(self, sizehint: int) -> memoryview:
        """Asyncio: where to put bytes."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Asyncio: bytes came."""
        self._listener.activity += 1
        clock = self._listener.clock
        begin = clock.monotonic()
        self._protocol.receive(bytes(self._buffer[:nbytes]))
        took = clock.monotonic() - begin
        if took > BUSY_SECONDS:
            self._pause(min(took * (FLOOD_FACTOR if self._protocol.floods else 1), MAX_PAUSE))
        if self._protocol.greeted and not self._greeted:
            self._greeted = True
            self._listener.acceptor.moved(self, waiting=False)

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
        self._protocol.end_of_file()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio: the peer is gone, or we closed."""
        self._transport = None
        self._listener.acceptor.lost(self)
        self._protocol.end_of_file()

    def send(self, data: bytes) -> None:
        """Queue an answer; a peer that reads none of them is cut off."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > DEFAULT_MAX_UNREAD:
            self._listener.acceptor.cut(self, "unread")
            return
        transport.write(data)

    def close(self) -> None:
        """Close when what was queued is sent; a peer that doesn't read it is cut off later."""
        if self._transport is not None:
            self._transport.close()
            asyncio.get_running_loop().call_later(CLOSE_SECONDS, self.abort)

    def abort(self) -> None:
        """Close now."""
        if self._transport is not None:
            self._transport.abort()


@dataclass(eq=False, kw_only=True)
class Listener:
    """Takes in plugins on any number of sockets; ``prove`` asks the kernel for their pods."""

    processes: Processes
    when_saved: WhenSaved
    own: OwnMetrics
    budget: Budget
    faults: Faults
    clock: Clock
    limits: Limits
    prove: bool = False

    def __post_init__(self) -> None:
        #: Rises whenever bytes or connections arrive.
        self.activity = 0
        self.protocol = partial(
            WireProtocol,
            processes=self.processes,
            when_saved=self.when_saved,
            own=self.own,
            faults=self.faults,
            clock=self.clock,
        )
        self.acceptor = Acceptor(
            make=self._make,
            overdue=self._overdue,
            count=lambda outcome: self.own.connections.labels(outcome).inc(),
            delayed=self.own.accept_delays.inc,
            faults=self.faults,
            now=self.clock.monotonic,
            working=What.SERIES,
            most=plugin_connections(),
            process_pace=self.limits.process_pace,
            principal_pace=self.limits.principal_pace,
        )

    async def stop(self) -> None:
        """Accept no more, then read what is already on its way, within a second."""
        self.acceptor.stop()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + DRAIN_SECONDS
        seen = -1
        while seen != self.activity and loop.time() < deadline:
            seen = self.activity
            await asyncio.sleep(QUIET_SECONDS)

    def _make(self, accepted: socket.socket) -> PluginConnection:
        # At once, for the number of a process that ends may become another's.
        peer = peers.of(accepted, prove=self.prove)
        if peer.tcp:
            keep_alive(accepted, *self.limits.keepalive)
        log.debug("connection from %s", peer)
        return PluginConnection(self, peer)

    def _overdue(self, connection: PluginConnection, now: float) -> str:
        return "silent" if now - connection.since >= self.limits.hello_seconds else ""
