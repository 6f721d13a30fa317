"""Accepts HTTP connections, with or without TLS, and bounds how long each may take for what.

Bounds: the bytes of the budget, descriptors, and seconds for a handshake, for a request, and
between two requests. Whoever hits one is cut off and counted.
"""

import asyncio
import socket
from collections.abc import Callable

from ..budget import Budget, What
from ..clock import Clock
from ..faults import Faults
from ..identity.peer import principal_of
from ..limits import Limits, http_connections
from ..own_metrics import OwnMetrics
from ..sockets.acceptor import Acceptor
from .config import WebConfig
from .connection import HttpConnection, Phase

#: Bytes that the kernel holds for a reader; it would take megabytes by itself.
SEND_BUFFER = 128 * 1024


def http_acceptor(
    *,
    make_inner: Callable[[], asyncio.Protocol],
    current: Callable[[], WebConfig | None],
    own: OwnMetrics,
    budget: Budget,
    faults: Faults,
    limits: Limits,
    clock: Clock,
) -> Acceptor[HttpConnection]:
    """Return the acceptor of HTTP; ``make_inner`` returns aiohttp's side of a connection.

    ``current`` returns the configuration, None to refuse everybody.
    """

    def count(outcome: str) -> None:
        own.http_connections.labels(outcome).inc()

    def make(accepted: socket.socket) -> HttpConnection | None:
        config = current()
        if config is None:
            count("web_config")
            return None
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        account = budget.account(
            principal_of(accepted), object(), lose=lambda _: connection.cut("crowded")
        )
        connection = HttpConnection(
            inner=make_inner(),
            config=config,
            account=account,
            acceptor=acceptor,
            limits=limits.http,
        )
        if connection.hold():
            return connection
        count("crowded")
        account.close()
        return None

    def overdue(connection: HttpConnection, now: float) -> str:
        """Return why it has to go: it takes too long, or idles under an old TLS."""
        idle = connection.phase is Phase.IDLE
        limit = limits.http.idle_seconds if idle else limits.http.request_seconds
        if now - connection.since > limit:
            return connection.phase.value
        return "web_config" if idle and not connection.fits(current()) else ""

    acceptor = Acceptor(
        make=make,
        overdue=overdue,
        count=count,
        delayed=own.accept_delays.inc,
        faults=faults,
        now=clock.monotonic,
        working=What.ANSWERS,
        most=http_connections(),
        process_pace=limits.process_pace,
        principal_pace=limits.http.pace,
    )
    return acceptor
