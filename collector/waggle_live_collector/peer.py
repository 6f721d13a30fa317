"""Who is at the other end of a unix socket, as the kernel knows it."""

import socket
import struct
from typing import NamedTuple

_UCRED = struct.Struct("3i")


class Peer(NamedTuple):
    """Credentials at the time of the connect; ``pid`` is 0 from another pid namespace."""

    pid: int
    uid: int
    gid: int


def of(sock: socket.socket) -> Peer | None:
    """Return the peer of a connected socket; None if it is no unix socket."""
    if sock.family != socket.AF_UNIX:
        return None
    data = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    return Peer(*_UCRED.unpack(data))
