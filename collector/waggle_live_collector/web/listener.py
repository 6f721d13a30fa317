"""Accepts HTTP connections, with or without TLS, and bounds how long each may take for what.

Bounds: the bytes of the budget, descriptors, and seconds for a handshake, for a request, and
between two requests. Whoever hits one is cut off and counted.
"""

import socket
from collections.abc import Callable
from functools import partial

from aiohttp import web

from ..budget import Budget, What
from ..clock import Clock
from ..faults import Faults
from ..identity.peer import principal_of
from ..limits import Limits, http_connections
from ..own_metrics import OwnMetrics
from ..sockets.acceptor import Acceptor
from .config import WebConfig
from .connection import HttpConnection

#: Bytes that the kernel holds for a reader; it would take megabytes by itself.
SEND_BUFFER = 128 * 1024


def http_acceptor(
    *,
    server: web.Server,
    current: Callable[[], WebConfig | None],
    own: OwnMetrics,
    budget: Budget,
    faults: Faults,
    limits: Limits,
    clock: Clock,
) -> Acceptor[HttpConnection]:
    """Return the acceptor of HTTP, whose requests ``server`` answers.

    ``current`` returns the configuration, None to refuse everybody.
    """
    count = partial(own.connected, own.http_connections)

    def make(accepted: socket.socket) -> HttpConnection | None:
        config, principal = current(), principal_of(accepted)
        if config is None:
            count("web_config", principal)
            return None
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        account = budget.account(principal, object(), lose=lambda _: connection.cut("crowded"))
        connection = HttpConnection(
            server,
            config=config,
            account=account,
            acceptor=acceptor,
            limits=limits.http,
        )
        if connection.hold():
            return connection
        count("crowded", principal)
        account.close()
        return None

    acceptor = Acceptor(
        make=make,
        overdue=lambda connection, now: connection.overdue(now, current()),
        count=count,
        delayed=own.accept_delays.inc,
        faults=faults,
        now=clock.monotonic,
        working=What.ANSWERS,
        most=http_connections(),
        process_pace=limits.process_pace,
        pod_pace=limits.pod_pace,
    )
    return acceptor
