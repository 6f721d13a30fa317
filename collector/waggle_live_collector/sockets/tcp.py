"""Listens on TCP, and notices when a peer has vanished."""

import contextlib
import errno
import os
import socket

from .unix import SocketError

#: Connections that the kernel may queue. It lowers this to its own maximum.
BACKLOG = 512


def listen(host: str, port: int, *, to: str, flag: str) -> socket.socket:
    """Return a listening, non-blocking socket; ``to`` and ``flag`` are for the error.

    The host means what it means in Go. An empty host and ``::`` are all addresses of both families.
    ``0.0.0.0`` is all of IPv4. A name is its IPv4 address, if it has one. Raises SocketError.
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
        # `address` may have a scope, as that of a link does. `dualstack_ipv6` is for `::`, however
        # it is written, and for IPv4 addresses within IPv6.
        sock = socket.create_server(
            address,
            family=family,
            backlog=BACKLOG,
            dualstack_ipv6=dual and family == socket.AF_INET6,
        )
    except (OSError, UnicodeError) as error:
        raise SocketError(
            f"can't {to} on {join(host, port)}: {_why(error)}choose another --{flag}"
        ) from error
    sock.setblocking(False)
    return sock


def _why(error: Exception) -> str:
    """Return the cause of a failed bind, and what would remove it."""
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        why = "another process listens there, perhaps another collector; "
        return why + "stop it (`ss -ltnp` shows it), or "
    if number == errno.EACCES:
        return f"uid {os.geteuid()} may not use that port; "
    if number and number > 0:  # without the address that Python adds
        return os.strerror(number) + "; "
    return f"{getattr(error, 'strerror', None) or error}; "  # a name that can't be resolved


def join(host: str, port: int) -> str:
    """Return host and port as one text: ``127.0.0.1:9090``, ``[::]:9090``."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def keep_alive(sock: socket.socket, idle: int, interval: int, count: int) -> None:
    """Have the kernel end a connection whose peer has vanished.

    The kernel probes a peer that is silent for ``idle`` seconds. It gives up after ``count`` probes
    without an answer, ``interval`` seconds apart.
    """
    tcp = socket.IPPROTO_TCP
    with contextlib.suppress(OSError):  # it is gone already
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(tcp, socket.TCP_KEEPIDLE, idle)
        sock.setsockopt(tcp, socket.TCP_KEEPINTVL, interval)
        sock.setsockopt(tcp, socket.TCP_KEEPCNT, count)
        # Unacknowledged data would otherwise put the probes off.
        sock.setsockopt(tcp, socket.TCP_USER_TIMEOUT, (idle + interval * count) * 1000)
