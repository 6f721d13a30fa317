"""Listening on TCP, and noticing when a peer has vanished."""

from __future__ import annotations

import contextlib
import socket

from .unix import SocketError

#: A peer that is silent this many seconds is asked whether it is still there, ...
KEEPALIVE_IDLE = 5
#: ... again after so many seconds, ...
KEEPALIVE_INTERVAL = 2
#: ... and given up when this many questions are not answered: 11 s in all.
KEEPALIVE_COUNT = 3


def listen(host: str | None, port: int, *, to: str, flag: str) -> socket.socket:
    """Return a listening socket; ``to`` do what, and by which ``flag``, is for the error.

    Raises SocketError.
    """
    try:
        if host is None and socket.has_dualstack_ipv6():
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return socket.create_server(found[0][4][:2], family=found[0][0], backlog=512)
    except OSError as error:
        raise SocketError(
            f"can't {to} on {host or ''}:{port}: {error.strerror or error}; "
            f"stop what has it, or choose another --{flag}"
        ) from error


def keep_alive(sock: socket.socket) -> None:
    """Have the kernel end a connection whose other side vanished without a word."""
    tcp = socket.IPPROTO_TCP
    with contextlib.suppress(OSError):  # it is gone already
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(tcp, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE)
        sock.setsockopt(tcp, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL)
        sock.setsockopt(tcp, socket.TCP_KEEPCNT, KEEPALIVE_COUNT)
        # Answers that the peer doesn't acknowledge would put the questions off.
        patience = KEEPALIVE_IDLE + KEEPALIVE_INTERVAL * KEEPALIVE_COUNT
        sock.setsockopt(tcp, socket.TCP_USER_TIMEOUT, patience * 1000)
