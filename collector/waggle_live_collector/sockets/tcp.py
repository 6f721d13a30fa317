"""Listening on TCP, and noticing when a peer has vanished."""

import contextlib
import socket

from .unix import SocketError

#: Connections that the kernel queues while we are busy; it cuts this to its own maximum.
BACKLOG = 512


def listen(host: str | None, port: int, *, to: str, flag: str) -> socket.socket:
    """Return a listening, non-blocking socket; ``to`` and ``flag`` are for the error.

    Raises SocketError.
    """
    try:
        if host is None and socket.has_dualstack_ipv6():
            sock = socket.create_server(
                ("", port), family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True
            )
        else:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            family, address = found[0][0], found[0][4][:2]
            sock = socket.create_server(address, family=family, backlog=BACKLOG)
    except OSError as error:
        raise SocketError(
            f"can't {to} on {host or ''}:{port}: {error.strerror or error}; "
            f"stop what has it, or choose another --{flag}"
        ) from error
    sock.setblocking(False)
    return sock


def keep_alive(sock: socket.socket, idle: int, interval: int, count: int) -> None:
    """Have the kernel end a connection whose other side vanished without a word.

    A peer that is silent for ``idle`` seconds is asked whether it is still there, and after
    ``count`` questions without an answer, ``interval`` seconds apart, given up.
    """
    tcp = socket.IPPROTO_TCP
    with contextlib.suppress(OSError):  # it is gone already
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(tcp, socket.TCP_KEEPIDLE, idle)
        sock.setsockopt(tcp, socket.TCP_KEEPINTVL, interval)
        sock.setsockopt(tcp, socket.TCP_KEEPCNT, count)
        # Answers that the peer doesn't acknowledge would put the questions off.
        sock.setsockopt(tcp, socket.TCP_USER_TIMEOUT, (idle + interval * count) * 1000)
