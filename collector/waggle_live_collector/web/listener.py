"""Accepts HTTP connections, with or without TLS, and bounds how many there are and how long.

Bounds: connections (the one that has done nothing for longest makes room), seconds for a
handshake, for a request, and between two requests, bytes of a request, and bytes of answers that
nobody reads. Whoever hits one is cut off and counted. Belongs to the event loop.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from asyncio import sslproto
from collections import Counter
from collections.abc import Callable
from typing import Any

from ..clock import Clock
from .config import WebConfig
from .connection import HttpConnection, Phase
from .metrics import HttpMetrics

log = logging.getLogger(__name__)

#: Connections at a time.
DEFAULT_MAX_HTTP_CONNECTIONS = 512
#: Seconds for the TLS handshake.
DEFAULT_HANDSHAKE_SECONDS = 5.0
#: Seconds from the first byte of a request to its last, or from the connect.
DEFAULT_REQUEST_SECONDS = 10.0
#: Seconds between two requests; longer than scrapers' intervals are.
DEFAULT_IDLE_SECONDS = 150.0
#: Bytes of different answers that are being sent; above it further requests wait ...
DEFAULT_MAX_UNREAD_BYTES = 8 * 1024 * 1024
#: ... and whoever has read nothing for this many seconds, or is at it for so many, is cut off.
DEFAULT_STALL_SECONDS = 0.5
DEFAULT_HOG_SECONDS = 5.0
#: Seconds between two looks for room.
ROOM_PAUSE = 0.05
#: Bytes that the kernel holds for a reader; it would take megabytes by itself.
SEND_BUFFER = 128 * 1024
BACKLOG = 512
#: Seconds that a peer may take to agree to the end of TLS.
SHUTDOWN_SECONDS = 1.0
#: Connections accepted at a time.
ACCEPT_BURST = 64
#: Pause after a failed accept, for want of descriptors mostly.
ACCEPT_PAUSE = 0.1

#: Bytes that asyncio takes at once for each TLS connection, instead of its own 256 KiB: five
#: hundred silent ones would cost 128 MiB otherwise. A record of TLS has 16 KiB.
TLS_BUFFER = 32 * 1024
sslproto.SSLProtocol.max_size = TLS_BUFFER

_LIMITS = {Phase.REQUESTING: DEFAULT_REQUEST_SECONDS, Phase.IDLE: DEFAULT_IDLE_SECONDS}


class HttpListener:
    """Accepts until told to stop. ``current`` gives the configuration, None to refuse all."""

    def __init__(
        self,
        *,
        make: Callable[[], asyncio.Protocol],
        current: Callable[[], WebConfig | None],
        metrics: HttpMetrics,
        clock: Clock,
    ) -> None:
        self._make = make
        self._current = current
        self._metrics = metrics
        self._clock = clock
        #: In the order in which they began what they are at.
        self._open: dict[HttpConnection, None] = {}
        #: Accepted, but asyncio or TLS is not done yet.
        self._opening: dict[HttpConnection, asyncio.Task[None]] = {}
        #: How many are sent an answer, by its id, and the bytes of all such answers.
        self._senders: Counter[int] = Counter()
        self._unread = 0
        self._look_at = 0.0
        self._accepting: asyncio.Task[None] | None = None
        self._socket: socket.socket | None = None

    def start(self, sock: socket.socket) -> None:
        """Accept on a bound socket."""
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        sock.setblocking(False)
        sock.listen(BACKLOG)
        self._socket = sock
        self._accepting = asyncio.create_task(self._accept(sock))

    async def stop(self) -> None:
        """Accept no more; what stands is left to whoever answers it."""
        tasks = [*self._opening.values()]
        if self._accepting is not None:
            tasks.append(self._accepting)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._socket is not None:
            self._socket.close()

    def sweep(self) -> None:
        """Cut what takes too long, and what idles under an old TLS; call about once a second."""
        now = self.now()
        config = self._current()
        for connection in list(self._open):
            limit = _LIMITS.get(connection.phase)
            if limit is not None and now - connection.since > limit:
                self.cut(connection, connection.phase.value)
            elif connection.phase is Phase.IDLE and not connection.fits(config):
                self.cut(connection, "web_config")

    async def room(self) -> None:
        """Wait until not too much is being sent; those that don't read it make room."""
        while self._unread > DEFAULT_MAX_UNREAD_BYTES:
            now = self.now()
            if now >= self._look_at:
                self._look_at = now + ROOM_PAUSE
                for connection in [c for c in self._open if c.body]:
                    stalled = now - connection.progressed > DEFAULT_STALL_SECONDS
                    if stalled or now - connection.since > DEFAULT_HOG_SECONDS:
                        self.cut(connection, "unread")
            else:
                await asyncio.sleep(ROOM_PAUSE)

    def sending(self, connection: HttpConnection, body: bytes) -> None:
        """``body`` is what the connection is sent from now on, nothing if it is empty."""
        old, connection.body = connection.body, body
        # Who shares an answer shares its bytes: only the first and the last of them count.
        if body:
            self._unread += 0 if self._senders[id(body)] else len(body)
            self._senders[id(body)] += 1
        if old:
            self._senders[id(old)] -= 1
            if not self._senders[id(old)]:
                del self._senders[id(old)]
                self._unread -= len(old)

    def now(self) -> float:
        """Return the monotonic time."""
        return self._clock.monotonic()

    def opened(self, connection: HttpConnection) -> None:
        """The connection stands."""
        self._opening.pop(connection, None)
        self._open[connection] = None

    def moved(self, connection: HttpConnection) -> None:
        """The connection has a new phase: it is the last one to be cut."""
        if connection in self._open:
            del self._open[connection]
            self._open[connection] = None

    def lost(self, connection: HttpConnection) -> None:
        """The connection is gone."""
        self._open.pop(connection, None)
        self.sending(connection, b"")

    def cut(self, connection: HttpConnection, outcome: str) -> None:
        """Close a connection and count why."""
        self._metrics.connection(outcome)
        self._open.pop(connection, None)
        self.sending(connection, b"")
        connection.abort()

    async def _accept(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        failing = False
        while True:
            try:
                self._welcome((await loop.sock_accept(sock))[0])
                # Those that stand in the queue go on together, and so share one answer. Then
                # the others have their turn, which an accept that needn't wait doesn't give.
                for _ in range(ACCEPT_BURST):
                    self._welcome(sock.accept()[0])
                await asyncio.sleep(0)
            except BlockingIOError:
                failing = False
                await asyncio.sleep(0)
            except OSError as error:
                if not failing:
                    log.warning("can't accept an HTTP connection: %s", error)
                failing = True
                await asyncio.sleep(ACCEPT_PAUSE)

    def _welcome(self, accepted: socket.socket) -> None:
        """Begin a connection under the configuration of this moment, and make room for it."""
        self._metrics.connection("accepted")
        config = self._current()
        if config is None:
            self._metrics.connection("web_config")
            accepted.close()
            return
        self._make_room()
        accepted.setblocking(False)
        connection = HttpConnection(self, self._make(), config)
        self._opening[connection] = asyncio.create_task(self._open_up(connection, accepted))

    def _make_room(self) -> None:
        """Keep the bound: those that asked nothing go first, those being answered last."""
        if len(self._open) + len(self._opening) < DEFAULT_MAX_HTTP_CONNECTIONS:
            return
        idle = next((c for c in self._open if c.phase is not Phase.ANSWERED), None)
        if idle is not None:
            self.cut(idle, "crowded")
        elif self._opening:
            self._opening.pop(next(iter(self._opening))).cancel()
            self._metrics.connection("crowded")
        else:
            self.cut(next(iter(self._open)), "crowded")

    async def _open_up(self, connection: HttpConnection, accepted: socket.socket) -> None:
        """Shake hands, where the configuration wants TLS."""
        config = connection.config
        tls: dict[str, Any] = {}
        if config.tls is not None:
            tls = {
                "ssl": config.tls.context,
                "ssl_handshake_timeout": DEFAULT_HANDSHAKE_SECONDS,
                "ssl_shutdown_timeout": SHUTDOWN_SECONDS,
            }
        try:
            loop = asyncio.get_running_loop()
            await loop.connect_accepted_socket(lambda: connection, accepted, **tls)
        except OSError as error:  # SSLError and TimeoutError are some
            self._metrics.connection("tls")
            log.debug("no TLS with a client: %s", error)
        finally:
            self._opening.pop(connection, None)
            if connection.transport is None:
                accepted.close()
