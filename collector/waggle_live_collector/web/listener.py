"""Accepts HTTP connections, with or without TLS, and knows what each is at, and since when.

aiohttp parses and answers, but waits for ever for a request that was only begun, and doesn't
tell a scraper that reads slowly from one that doesn't. So each connection has a phase, and those
that stay in one for too long are cut off and counted. Until a request is whole, and between two of
them, what the connection takes is the first thing to be lost where the budget is full.
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

#: Bytes of memory that a connection takes, without TLS and with it, the headers of usual requests
#: included: so all are alike, and the oldest makes way for a scraper and not the reverse.
PLAIN_BYTES, TLS_BYTES = 32 * 1024, 128 * 1024
#: Bytes that each TLS connection holds at least, so that all are alike: OpenSSL takes 175 KiB for a
#: message of the handshake as soon as its head claims that so much is to come.
HANDSHAKE_BYTES = 248 * 1024
#: Connections taken at once: what is cut for them takes its memory until the loop's next turn.
BURST = 8
#: Bytes of such a request, and of memory for each byte over it (aiohttp takes 128 headers).
USUAL_REQUEST_BYTES, REQUEST_FACTOR = 2 * 1024, 8
#: Bytes of a request with its headers, and of what is sent behind it before it is answered.
DEFAULT_MAX_REQUEST_BYTES = 32 * 1024
#: Bytes of the body of an order, which may say what a thousand knobs are to be.
DEFAULT_MAX_BODY = 384 * 1024
#: Bytes that wait for a reader in our memory; the kernel holds some more of them.
DEFAULT_MAX_BUFFERED = 16 * 1024
#: Bytes that the kernel holds for a reader; it would take megabytes by itself.
SEND_BUFFER = 128 * 1024
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


class HttpConnection(web.RequestHandler):
    """The protocol of aiohttp, with bounds. ``config`` is what admitted its newest request.

    ``account`` is that of the connection alone: INCOMPLETE, or ANSWERS while it is answered.
    """

    def __init__(self, listener: HttpListener, config: WebConfig, principal: str) -> None:
        # It doesn't linger: the body of an answered request would take memory for seconds.
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
        #: Is the peer gone once it says no more, or does it still read an answer?
        self.ends_with_input = False
        #: When the answer that is made has to be sent.
        self.deadline = asyncio.timeout(None)
        #: Bytes of the request, and of the answer that is held for it.
        self._bytes = self._sending = 0

    def hold(self) -> bool:
        """Hold in the budget what the connection takes now; False if there is no room."""
        size = max(self._bytes - USUAL_REQUEST_BYTES, 0) * REQUEST_FACTOR + self._sending
        size = max(TLS_BYTES + size, HANDSHAKE_BYTES) if self.config.tls else PLAIN_BYTES + size
        return self.account.hold(self.phase.held, size)

    def hold_answer(self, size: int) -> bool:
        """Hold so many bytes of an answer besides; False, and none, if there is no room."""
        is_new = size > 0 and not self._sending
        if is_new and self.transport is not None and not self.transport.is_closing():
            self.account.renew()
        self._sending = size
        if not self.hold():
            self._sending = 0
        return size == self._sending

    async def open(self, sock: socket.socket) -> None:
        """Shake hands, where the configuration wants TLS; raises OSError if that fails."""
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
        """Tell whether the connection could have been made under that configuration."""
        return config is not None and config.tls is self.config.tls

    def cut(self, outcome: str) -> None:
        """Close now, and count why."""
        self.listener.acceptor.cut(self, outcome)

    def overdue(self, now: float) -> str:
        """Return why it has to go: it takes too long, or idles under an old TLS."""
        idle = self.phase is Phase.IDLE
        limits = self.listener.limits.http
        if now - self.since > (limits.idle_seconds if idle else limits.request_seconds):
            return self.phase.value
        return "web_config" if idle and not self.fits(self.listener.current()) else ""

    def abort(self) -> None:
        """Close now."""
        if self.transport is not None:
            self.transport.abort()
        else:
            # It is let go of at once: asyncio says nothing of a handshake that comes to nothing.
            super().connection_lost(None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio: the connection stands, and TLS with it."""
        super().connection_made(transport)
        assert self.transport is not None
        self.transport.set_write_buffer_limits(high=DEFAULT_MAX_BUFFERED)

    def data_received(self, data: bytes) -> None:
        """Asyncio: bytes came. Aiohttp: go on with those that came before."""
        self._bytes += len(data)
        if self._bytes > self.listener.max_request:
            self.cut("large")
            return
        if not self.hold():
            self.cut("crowded")
            return
        if data and self.phase is Phase.IDLE:
            self.enter(Phase.REQUESTING)
        super().data_received(data)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Asyncio: the peer says no more; what it asked is answered all the same.

        Over TLS there is no such thing.
        """
        asked = self._bytes > 0 and self.phase is not Phase.IDLE and self.config.tls is None
        asked = asked and not self.ends_with_input
        if asked:
            self.close()  # when that is done
        return asked

    def connection_lost(self, exc: BaseException | None) -> None:
        """Asyncio: the connection is gone."""
        self.listener.acceptor.lost(self)
        super().connection_lost(exc)
        self.account.close()


@dataclass(eq=False, kw_only=True)
class HttpListener:
    """Accepts connections, whose requests ``server`` answers, on any number of sockets.

    ``current`` returns the configuration in force, None to refuse everybody.
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
