"""The listening socket that systemd hands over. Its file belongs to systemd and isn't touched.

systemd keeps the socket while the collector restarts. Plugins that connect meanwhile wait in its
queue, and a container's mount of the file stays valid.
"""

import os
import socket
from collections.abc import MutableMapping

from .unix import SocketError

#: The first descriptor that systemd hands over, see sd_listen_fds(3).
FIRST_DESCRIPTOR = 3


def inherit(environ: MutableMapping[str, str]) -> socket.socket | None:
    """Return the socket that was handed to this process; None if there is none.

    Removes systemd's variables, so that no child uses them. Raises SocketError if it isn't exactly
    one listening unix stream socket.
    """
    pid, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "")
    environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or count in ("", "0"):
        return None
    if count != "1":
        raise SocketError(
            f"systemd handed over {count} sockets, but only the plugins' one is taken: "
            "the .socket unit needs exactly one ListenStream="
        )
    try:
        sock = socket.socket(fileno=FIRST_DESCRIPTOR)
        listens = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        text = f"LISTEN_FDS=1 promises a socket as descriptor {FIRST_DESCRIPTOR}, which is none"
        raise SocketError(f"{text}: {error.strerror}; start the collector by systemd") from error
    is_right = (sock.family, sock.type, listens) == (socket.AF_UNIX, socket.SOCK_STREAM, 1)
    # An abstract socket's name is bytes. It has no directory that plugins could mount.
    if not is_right or not isinstance(sock.getsockname(), str):
        sock.detach()
        raise SocketError(
            "the socket that was handed over is no listening unix stream socket with a path: the "
            ".socket unit needs ListenStream=/path/to/the.sock and Accept=no"
        )
    sock.setblocking(False)
    sock.set_inheritable(False)
    return sock
