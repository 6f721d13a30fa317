"""Accepts HTTP connections, with or without TLS, and bounds how long each takes.

aiohttp waits for ever for the rest of a request, and for a scraper that doesn't read. So each
connection has a phase. One that stays too long in a phase is cut and counted. Connections without a
whole request are the first to be cut if the budget is full.
"""

from __future__ import annotations

import asyncio
import enum
import socket
from asyncio import sslproto
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import web

from ..budget import Budget, What
from ..clock import Clock
from ..faults import Faults
from ..identity.peer import principal_of
from ..limits import Limits, http_connections
from ..own_metrics import OwnMetrics
from ..sockets.acceptor import Acceptor
from .config import WebConfig

#: Bytes of a connection, without and with TLS, including the headers of a usual request. So all
#: connections count alike, and the oldest is cut for a new one, not the reverse.
PLAIN_BYTES, TLS_BYTES = 32 * 1024, 128 * 1024
#: The least bytes that count for a TLS connection. OpenSSL allocates 175 KiB as soon as the header
#: of a handshake message announces as much.
HANDSHAKE_BYTES = 248 * 1024
#: Connections accepted at once. What is cut for them keeps its memory until the loop's next turn.
BURST = 8
#: Bytes of a usual request, and the bytes of memory that each further byte takes in aiohttp.
USUAL_REQUEST_BYTES, REQUEST_FACTOR = 2 * 1024, 8
#: The most bytes of a request with its headers, and of what is sent after it until it is answered.
DEFAULT_MAX_REQUEST_BYTES = 32 * 1024
#: The most bytes of the body of an order, which may set a thousand knobs.
DEFAULT_MAX_BODY = 384 * 1024
#: The most bytes that wait for a reader in our memory. The kernel holds more.
DEFAULT_MAX_BUFFERED = 16 * 1024
#: The most bytes that the kernel holds for a reader. Its own default is megabytes.
SEND_BUFFER = 128 * 1024
#: The most seconds to wait for a peer's part of the TLS shutdown.
SHUTDOWN_SECONDS = 1.0

#: The read buffer of asyncio for each TLS connection in bytes. asyncio's own is 256 KiB and has no
#: parameter. A silent connection then takes 307 KiB, and 83 KiB with this one
#: (tests/collector/web/test_config_served.py checks that). A TLS record has at most 16 KiB.
TLS_BUFFER = 32 * 1024
sslproto.SSLProtocol.max_size = TLS_BUFFER


class Phase(enum.Enum):
    """What a connection is doing. The value is the outcome that is counted if it is cut then."""

    #: A request, or the rest of one, is awaited.
    REQUESTING = "slow"
    #: The last request is answered. Another one may come.
    IDLE = "idle"
    #: A request is being answered.
    ANSWERED = "unread"

    @property
    def held(self) -> What:
        """The kind of the bytes that the connection holds in the budget."""
        return What.ANSWERS if self is Phase.ANSWERED else What.INCOMPLETE


class HttpConnection(web.RequestHandler):
    """The protocol of aiohttp, with bounds. Belongs to the event loop.

    ``config`` is the one under which its newest request was admitted. ``account`` is that of this
    connection: it holds ANSWERS while a request is answered, else INCOMPLETE.
    """

    def __init__(self, listener: HttpListener, config: WebConfig, principal: str) -> None:
        # No lingering: reading the rest of an answered request would take memory for seconds.
        more: dict[str, Any] = {"access_log": None, "lingering_time": 0}
        super().__init__(listener.server, loop=asyncio.get_running_loop(), **more)
        self.config = config
        self.listener = listener
        self.principal = principal
        self.account = listener.budget.account(
            principal, object(), lose=lambda _: self.cut("crowded")
        )
        self.phase = Phase.REQUESTING
        self.since = listener.clock.monotonic()
        #: Whether the peer's end of input ends the request. Else it may still read the answer.
        self.ends_with_input = False
        #: The time at which the answer must be sent.
        self.deadline = asyncio.timeout(None)
        #: Bytes of the request, and of its answer.
        self._bytes = self._sending = 0
        self._is_cut = False

    def hold(self) -> bool:
        """Hold in the budget what the connection takes now. Return False if there is no room."""
        size = max(self._bytes - USUAL_REQUEST_BYTES, 0) * REQUEST_FACTOR + self._sending
        size = max(TLS_BYTES + size, HANDSHAKE_BYTES) if self.config.tls else PLAIN_BYTES + size
        return self.account.hold(self.phase.held, size)

    def hold_answer(self, size: int) -> bool:
        """Also hold ``size`` bytes of an answer. Without room hold none, and return False."""
        is_new = size > 0 and not self._sending
        if is_new and self.transport is not None and not self.transport.is_closing():
            self.account.renew()
        self._sending = size
        if not self.hold():
            self._sending = 0
        return size == self._sending

    async def open(self, sock: socket.socket) -> None:
        """Take over an accepted socket, after a TLS handshake if configured. Raises OSError."""
        self.account.renew()  # the account of its address may be older
        if not self.hold():
            self.cut("crowded")
            raise ConnectionAbortedError
        tls: dict[str, Any] = {}
        if self.config.tls is not None:
            tls = {
                "ssl": self.config.tls.context,
                "ssl_handshake_timeout": self.listener.limits.http.handshake_seconds,
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
        self.listener.acceptor.moved(self, waiting=phase is not Phase.ANSWERED)

    def fits(self, config: WebConfig | None) -> bool:
        """Tell whether a configuration has the TLS under which the connection was made."""
        return config is not None and config.tls is self.config.tls

    def cut(self, outcome: str) -> None:
        """Close the connection at once, and count why."""
        self.listener.acceptor.cut(self, outcome)

    def overdue(self, now: float) -> str:
        """Return why the connection must be cut; "" if it may stay."""
        idle = self.phase is Phase.IDLE
        limits = self.listener.limits.http
        if now - self.since > (limits.idle_seconds if idle else limits.request_seconds):
            return self.phase.value
        return "web_config" if idle and not self.fits(self.listener.current()) else ""

    def abort(self) -> None:
        """Close the connection at once, without counting it."""
        self._is_cut = True
        if self.transport is not None:
            self.transport.abort()
        else:
            # asyncio doesn't report a handshake that fails.
            super().connection_lost(None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio: the connection is made, including TLS."""
        if self._is_cut:  # the end of its handshake had arrived before
            assert isinstance(transport, asyncio.Transport)
            transport.abort()
            return
        super().connection_made(transport)
        assert self.transport is not None
        self.transport.set_write_buffer_limits(high=DEFAULT_MAX_BUFFERED)

    def data_received(self, data: bytes) -> None:
        """Asyncio: bytes arrived. aiohttp calls it too, without new bytes, to parse the rest."""
        self._bytes += len(data)
        if self._bytes > self.listener.max_request:
            self.cut("large")
            return
        if not self.hold():
            self.cut("crowded")
            return
        if data and self.phase is Phase.IDLE:
            self.account.renew()
            self.enter(Phase.REQUESTING)
        super().data_received(data)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Asyncio: the peer sends no more. Without TLS, a request before that is still answered."""
        asked = self._bytes > 0 and self.phase is not Phase.IDLE and self.config.tls is None
        asked = asked and not self.ends_with_input
        if asked:
            self.close()  # after the answer
        return asked

    def connection_lost(self, exc: BaseException | None) -> None:
        """Asyncio: the connection is closed."""
        self.listener.acceptor.lost(self)
        super().connection_lost(exc)
        self.account.close()


@dataclass(eq=False, kw_only=True)
class HttpListener:
    """Accepts connections on any number of sockets. ``server`` answers their requests.

    ``current`` returns the configuration in force, or None to refuse everybody. ``max_request``:
    the most bytes of a request. Belongs to the event loop.
    """

    server: web.Server
    current: Callable[[], WebConfig | None]
    own: OwnMetrics
    budget: Budget
    faults: Faults
    limits: Limits
    clock: Clock
    max_request: int = DEFAULT_MAX_REQUEST_BYTES

    def __post_init__(self) -> None:
        self._count = partial(self.own.connected, self.own.http_connections)
        self.acceptor = Acceptor(
            make=self._make,
            count=self._count,
            delayed=self.own.accept_delays.inc,
            faults=self.faults,
            now=self.clock.monotonic,
            working=What.ANSWERS,
            most=http_connections(),
            process_pace=self.limits.process_pace,
            pod_pace=self.limits.pod_pace,
            burst=BURST,
        )

    def _make(self, accepted: socket.socket) -> HttpConnection | None:
        config, principal = self.current(), principal_of(accepted)
        if config is None:
            self._count("web_config", principal)
            return None
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        return HttpConnection(self, config, principal)


def connection_of(request: web.Request) -> HttpConnection:
    """Return the connection that a request came over."""
    assert isinstance(request.protocol, HttpConnection)
    return request.protocol
