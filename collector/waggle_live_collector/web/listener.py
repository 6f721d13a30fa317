"""Accepts HTTP connections, with or without TLS, and bounds how long each may take for what.

Bounds: connections (the one that has asked nothing for longest makes room), and seconds for a
handshake, for a request, and between two requests. Whoever hits one is cut off and counted.
Belongs to the event loop.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from ..clock import Clock
from ..limits import Limits
from ..own_metrics import OwnMetrics
from ..sockets.acceptor import Acceptor
from .config import WebConfig
from .connection import HttpConnection, Phase
from .unread import UnreadAnswers

#: Bytes that the kernel holds for a reader; it would take megabytes by itself.
SEND_BUFFER = 128 * 1024
BACKLOG = 512


class HttpListener:
    """Makes connections. ``current`` gives the configuration, None to refuse everybody."""

    def __init__(
        self,
        *,
        make: Callable[[], asyncio.Protocol],
        current: Callable[[], WebConfig | None],
        own: OwnMetrics,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self._make_inner = make
        self._current = current
        self._own = own
        self._limits = limits.http
        self._unread = UnreadAnswers(now=clock.monotonic)
        self.acceptor = Acceptor(
            make=self._make,
            overdue=self._overdue,
            count=lambda outcome: own.http_connections.labels(outcome).inc(),
            delayed=own.accept_delays.inc,
            now=clock.monotonic,
            rate=limits.connections_per_second,
            most=limits.http.connections,
        )

    def start(self, sock: socket.socket) -> None:
        """Accept on a bound socket."""
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        sock.setblocking(False)
        sock.listen(BACKLOG)
        self.acceptor.start(sock)

    def _make(self, accepted: socket.socket) -> HttpConnection | None:
        """Begin a connection under the configuration of this moment."""
        config = self._current()
        if config is None:
            self._own.http_connections.labels("web_config").inc()
            return None
        return HttpConnection(
            self._make_inner(),
            config,
            acceptor=self.acceptor,
            unread=self._unread,
            limits=self._limits,
        )

    def _overdue(self, connection: HttpConnection, now: float) -> str:
        """Return why a connection has to go: it takes too long, or idles under an old TLS."""
        idle = connection.phase is Phase.IDLE
        limit = self._limits.idle_seconds if idle else self._limits.request_seconds
        if now - connection.since > limit:
            return connection.phase.value
        return "web_config" if idle and not connection.fits(self._current()) else ""
