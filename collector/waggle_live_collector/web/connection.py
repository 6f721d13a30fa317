"""One HTTP connection: hands bytes to aiohttp, and knows how long it is at what.

aiohttp parses and answers, but waits for ever for a request that was only begun, and doesn't
tell a scraper that reads slowly from one that doesn't. So each connection has a phase and the
time since which it is in it; the listener cuts those that take too long.
"""

from __future__ import annotations

import asyncio
import enum
from typing import Protocol

from aiohttp import web

from .config import WebConfig

#: Bytes of a request with its headers, and of what is sent behind it before it is answered.
DEFAULT_MAX_REQUEST_BYTES = 64 * 1024
#: Bytes that wait for a reader in our memory; the kernel holds some more of them.
DEFAULT_MAX_BUFFERED = 16 * 1024
#: Larger answers are written in pieces of this size, each when the reader has room for it.
PIECE = 16 * 1024


class Phase(enum.Enum):
    """What a connection is doing; each has a time limit of its own."""

    #: It was accepted, or sent some of a request: the rest is awaited.
    REQUESTING = "slow"
    #: It was answered; another request may come or not.
    IDLE = "idle"
    #: It asked, and is being answered.
    ANSWERED = "unread"


class Owner(Protocol):
    """What a connection tells its listener."""

    def now(self) -> float:
        """Return the monotonic time."""

    def opened(self, connection: HttpConnection) -> None:
        """The connection stands."""

    def moved(self, connection: HttpConnection) -> None:
        """The connection has a new phase."""

    async def room(self) -> None:
        """Wait until not too much is being sent to all."""

    def sending(self, connection: HttpConnection, body: bytes) -> None:
        """The connection is sent a large answer, or with nothing no longer."""

    def lost(self, connection: HttpConnection) -> None:
        """The connection is gone."""

    def cut(self, connection: HttpConnection, outcome: str) -> None:
        """The connection has to go."""


class HttpConnection(asyncio.Protocol):
    """Wraps aiohttp's protocol. ``config`` is what the connection was accepted under."""

    def __init__(self, owner: Owner, inner: asyncio.Protocol, config: WebConfig) -> None:
        self.config = config
        self.phase = Phase.REQUESTING
        self.since = self.progressed = owner.now()
        self.transport: asyncio.Transport | None = None
        #: What is being sent; kept here to know how much memory slow readers hold.
        self.body = b""
        self._owner = owner
        self._inner = inner
        self._bytes = 0
        self._room = asyncio.Event()
        self._room.set()

    async def room_for_all(self) -> None:
        """Wait until one more answer fits into memory."""
        await self._owner.room()

    async def room(self) -> None:
        """Wait until little enough is buffered for this reader."""
        await self._room.wait()
        self.progressed = self._owner.now()

    def enter(self, phase: Phase) -> None:
        """Begin a phase."""
        if phase is Phase.IDLE:
            self._bytes = 0
        self.phase = phase
        self.since = self._owner.now()
        self._owner.moved(self)

    def sending(self, body: bytes) -> None:
        """A large answer is being written, or with nothing no longer."""
        self.progressed = self._owner.now()
        self._owner.sending(self, body)

    async def send(self, response: web.StreamResponse, body: bytes) -> None:
        """Write a large answer piece by piece; a slow reader holds no copy of its own."""
        self.sending(body)
        whole = memoryview(body)
        for begin in range(0, len(whole), PIECE):
            await self.room()
            await response.write(whole[begin : begin + PIECE])

    def fits(self, config: WebConfig | None) -> bool:
        """Tell whether the connection could have been made under that configuration."""
        return config is not None and config.tls is self.config.tls

    def cut(self, outcome: str) -> None:
        """Close now, and count why."""
        self._owner.cut(self, outcome)

    def abort(self) -> None:
        """Close now."""
        if self.transport is not None:
            self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio: the connection stands, and TLS with it."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(high=DEFAULT_MAX_BUFFERED)
        self._owner.opened(self)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Asyncio: bytes came."""
        self._bytes += len(data)
        if self._bytes > DEFAULT_MAX_REQUEST_BYTES:
            self.cut("large")
            return
        if self.phase is Phase.IDLE:
            self.enter(Phase.REQUESTING)
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Asyncio: the peer says no more."""
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """Asyncio: the peer doesn't read fast enough."""
        self._room.clear()
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Asyncio: there is room again."""
        self._room.set()
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio: the connection is gone."""
        self._owner.lost(self)
        self._inner.connection_lost(exc)
        self._room.set()
        self.transport = None


def connection_of(transport: asyncio.BaseTransport | None) -> HttpConnection | None:
    """Return the connection that has this transport, None if it is gone."""
    if not isinstance(transport, asyncio.Transport):
        return None
    protocol = transport.get_protocol()
    return protocol if isinstance(protocol, HttpConnection) else None
