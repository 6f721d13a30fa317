"""Listening on TCP, and noticing when a peer has vanished."""

import contextlib
import errno
import os
import socket

from .unix import SocketError

#: Connections that the kernel queues while we are busy; it cuts this to its own maximum.
BACKLOG = 512


def listen(host: str, port: int, *, to: str, flag: str) -> socket.socket:
    """Return a listening, non-blocking socket; ``to`` and ``flag`` are for the error.

    As Go does: no host and ``::`` are all addresses of both families, ``0.0.0.0`` those of IPv4,
    and a name is its IPv4 address where it has one. Raises SocketError.
    """
    try:
        dual = socket.has_dualstack_ipv6()
        found = socket.getaddrinfo(
            host or ("::" if dual else None),
            port,
            type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE,
        )
        family, *_, address = min(found, key=lambda each: each[0] != socket.AF_INET)
        # The whole address: that of a link has a scope. Both families matter to `::`, however it
        # is written, and to IPv4 within IPv6.
        sock = socket.create_server(
            address,
            family=family,
            backlog=BACKLOG,
            dualstack_ipv6=dual and family == socket.AF_INET6,
        )
    except (OSError, UnicodeError) as error:
        number, why = getattr(error, "errno", 0), getattr(error, "strerror", None) or error
        hint = "stop what has it, or " if number == errno.EADDRINUSE else ""
        if number == errno.EACCES:
            hint = f"uid {os.geteuid()} may not take that port: "
        raise SocketError(
            f"can't {to} on {join(host, port)}: {why}; {hint}choose another --{flag}"
        ) from error
    sock.setblocking(False)
    return sock


def join(host: str, port: int) -> str:
    """Return host and port as one text: ``127.0.0.1:9090``, ``[::]:9090``."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


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
