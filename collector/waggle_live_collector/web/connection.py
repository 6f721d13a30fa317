"""One HTTP connection: hands bytes to aiohttp, and knows what it is at, and since when.

aiohttp parses and answers, but waits for ever for a request that was only begun, and doesn't
tell a scraper that reads slowly from one that doesn't. So each connection has a phase; the
listener cuts those that stay in one for too long. Until a request is whole, and between two of
them, what the connection takes is the first thing to be lost where the budget is full.
"""

from __future__ import annotations

import asyncio
import enum
import socket
from asyncio import sslproto
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from ..budget import Account, What
from ..limits import HttpLimits
from ..sockets.acceptor import Acceptor
from .config import WebConfig

#: Bytes of memory that a connection takes, without TLS and with it, the headers of usual requests
#: included: so all are alike, and the oldest makes way for a scraper and not the reverse.
PLAIN_BYTES, TLS_BYTES = 32 * 1024, 128 * 1024
#: Bytes that each TLS connection holds at least, so that all are alike: OpenSSL takes 175 KiB for a
#: message of the handshake as soon as its head claims that so much is to come.
HANDSHAKE_BYTES = 248 * 1024
#: Bytes of such a request, and of memory for each byte over it (aiohttp takes 128 headers).
USUAL_REQUEST_BYTES, REQUEST_FACTOR = 2 * 1024, 8
#: Bytes of a request with its headers, and of what is sent behind it before it is answered.
DEFAULT_MAX_REQUEST_BYTES = 32 * 1024
#: Bytes that wait for a reader in our memory; the kernel holds some more of them.
DEFAULT_MAX_BUFFERED = 16 * 1024
#: Seconds that a peer may take to agree to the end of TLS.
SHUTDOWN_SECONDS = 1.0

#: Bytes that asyncio takes at once for each TLS connection, 256 KiB by itself: then a silent one
#: costs 307 KiB, and 83 KiB with these (tests/collector/web/test_config_served.py holds them to
#: it). A record of TLS has 16 KiB. asyncio has no parameter for it.
TLS_BUFFER = 32 * 1024
sslproto.SSLProtocol.max_size = TLS_BUFFER


class Phase(enum.Enum):
    """What a connection is doing; the value is the outcome of one that is cut in it."""

    #: It was accepted, or sent some of a request: the rest is awaited.
    REQUESTING = "slow"
    #: It was answered; another request may come or not.
    IDLE = "idle"
    #: It asked, and is being answered.
    ANSWERED = "unread"

    @property
    def held(self) -> What:
        """Return the kind of what the connection holds in the budget."""
        return What.ANSWERS if self is Phase.ANSWERED else What.INCOMPLETE


@dataclass(eq=False, kw_only=True)
class HttpConnection(asyncio.Protocol):
    """Wraps aiohttp's protocol. ``config`` is what the connection was accepted under.

    ``account`` is that of the connection alone: INCOMPLETE, or ANSWERS while it is answered.
    """

    inner: asyncio.Protocol
    config: WebConfig
    account: Account
    acceptor: Acceptor[HttpConnection]
    limits: HttpLimits

    def __post_init__(self) -> None:
        self.phase = Phase.REQUESTING
        self.since = self.acceptor.now()
        self._transport: asyncio.Transport | None = None
        #: Bytes of the request, and of the answer that is held for it.
        self._bytes = self._sending = 0
        self._is_lost = False
        #: Whether the peer has said all and waits for its answer, after which nothing can come.
        self.is_half_closed = False
        #: Set while little enough is buffered for this reader, and once the connection is gone.
        self._writable = asyncio.Event()
        self._writable.set()

    @property
    def principal(self) -> str:
        """Return who it is from: ``address:<ip>``."""
        return str(self.account.principal().name)

    def hold(self) -> bool:
        """Hold in the budget what the connection takes now; False if there is no room.

        Also False if it is lost: its account is closed then.
        """
        size = max(self._bytes - USUAL_REQUEST_BYTES, 0) * REQUEST_FACTOR + self._sending
        size = max(TLS_BYTES + size, HANDSHAKE_BYTES) if self.config.tls else PLAIN_BYTES + size
        return not self._is_lost and self.account.hold(self.phase.held, size)

    def hold_answer(self, size: int) -> bool:
        """Hold so many bytes of an answer besides; False, and none, if there is no room."""
        if size and not self._sending and not self._is_lost:
            self.account.renew()
        self._sending = size
        if not self.hold():
            self._sending = 0
        return size == self._sending

    async def open(self, sock: socket.socket) -> None:
        """Shake hands, where the configuration wants TLS; raises OSError if that fails."""
        tls: dict[str, Any] = {}
        if self.config.tls is not None:
            tls = {
                "ssl": self.config.tls.context,
                "ssl_handshake_timeout": self.limits.handshake_seconds,
                "ssl_shutdown_timeout": SHUTDOWN_SECONDS,
            }
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(lambda: self, sock, **tls)

    def enter(self, phase: Phase) -> None:
        """Begin a phase."""
        self.account.move(self.phase.held, phase.held)
        self.phase = phase
        if phase is Phase.IDLE:
            self._bytes = 0
            self.hold()  # less, which always succeeds
        self.acceptor.moved(self, waiting=phase is not Phase.ANSWERED)

    async def send(self, response: web.StreamResponse, pieces: AsyncIterator[bytes]) -> None:
        """Write what ``pieces`` yields; a slow reader holds little of it.

        Raises ConnectionError when the connection is gone.
        """
        async for piece in pieces:
            await response.write(piece)
            await self._writable.wait()

    def fits(self, config: WebConfig | None) -> bool:
        """Tell whether the connection could have been made under that configuration."""
        return config is not None and config.tls is self.config.tls

    def cut(self, outcome: str) -> None:
        """Close now, and count why."""
        self.acceptor.cut(self, outcome)

    def abort(self) -> None:
        """Close now."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio: the connection stands, and TLS with it."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=DEFAULT_MAX_BUFFERED)
        self.inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Asyncio: bytes came."""
        self._bytes += len(data)
        if self._bytes > DEFAULT_MAX_REQUEST_BYTES:
            self.cut("large")
            return
        if not self.hold():
            self.cut("crowded")
            return
        if self.phase is Phase.IDLE:
            self.enter(Phase.REQUESTING)
        self.inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Asyncio: the peer says no more; what it asked is answered all the same.

        Over TLS there is no such thing.
        """
        self.inner.eof_received()
        self.is_half_closed = self._bytes > 0 and self.phase is not Phase.IDLE
        return self.is_half_closed and self.config.tls is None

    def pause_writing(self) -> None:
        """Asyncio: the peer doesn't read fast enough."""
        self._writable.clear()
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        """Asyncio: there is room again."""
        self._writable.set()
        self.inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio: the connection is gone."""
        self.acceptor.lost(self)
        self.inner.connection_lost(exc)
        self._writable.set()
        self._transport = None
        self._is_lost = True
        self.account.close()


def connection_of(transport: asyncio.BaseTransport | None) -> HttpConnection | None:
    """Return the connection that has this transport, None if it is gone."""
    if not isinstance(transport, asyncio.Transport):
        return None
    protocol = transport.get_protocol()
    return protocol if isinstance(protocol, HttpConnection) else None
