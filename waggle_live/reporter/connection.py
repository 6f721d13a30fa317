"""One connection to the collector: a non-blocking stream socket that carries lines."""

import _socket
import os
from typing import Any, Dict, List, Optional, Tuple

from ..native import Native
from ..wire.errors import ProtocolError
from ..wire.protocol import LineBuffer, decode
from . import fork
from .address import Address

#: Seconds that connecting over TCP may take, in the sender's thread.
TCP_CONNECT_TIMEOUT = 1.0
#: Longest line that is accepted from a collector; its messages are short.
MAX_REPLY_BYTES = 64 * 1024


class Connection:
    """Used by the sender's thread alone. All methods raise OSError when the connection is lost."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._socket: Optional[_socket.socket] = None
        self._lines = LineBuffer(MAX_REPLY_BYTES)
        self._unsent = b""
        self._inode: Optional[Tuple[int, int, int]] = None

    def open(self) -> None:
        """Connect; never blocks over a unix socket, at most a second over TCP."""
        if self.address.path:
            self._inode = _inode(self.address.path)
            self._make(_socket.AF_UNIX).connect(self.address.path)
            return
        error: OSError = OSError("no address for host %s" % self.address.host)
        for family, kind, _, _, where in Native.getaddrinfo(
            self.address.host, self.address.port, type=_socket.SOCK_STREAM
        ):
            made = self._make(family, kind)
            try:
                made.settimeout(TCP_CONNECT_TIMEOUT)
                made.connect(where)
                made.setblocking(False)
                made.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
                made.setsockopt(_socket.SOL_SOCKET, _socket.SO_KEEPALIVE, 1)
                return
            except OSError as failure:
                self.close()
                error = failure
        raise error

    @property
    def is_clear(self) -> bool:
        """Whether everything sent so far is in the kernel's hands."""
        return not self._unsent

    def send(self, data: bytes) -> None:
        """Send as much as the kernel takes now and keep the rest; never blocks.

        Callers that find ``is_clear`` false wait with newer state: it supersedes the older.
        """
        self._unsent += data
        try:
            while self._unsent:
                sent = self._connected().send(self._unsent[: 1 << 18])
                self._unsent = self._unsent[sent:]
        except BlockingIOError:
            pass

    def receive(self) -> List[Dict[str, Any]]:
        """Return the messages that have arrived; never blocks. Raises at the peer's end of file."""
        messages: List[Dict[str, Any]] = []
        try:
            while True:
                data = self._connected().recv(65536)
                if not data:
                    raise ConnectionResetError("the collector closed the connection")
                for line in self._lines.feed(data):
                    try:
                        messages.append(decode(line or b""))
                    except ProtocolError:
                        continue  # not from a collector of ours; nothing depends on it
        except BlockingIOError:
            return messages
        except ConnectionResetError:
            if messages:
                return messages  # the next call meets the end of file again
            raise

    def wait(self, until: float) -> None:
        """Wait for something to read, at most ``until``; with unsent data at most 2 ms.

        A socket's own timeout is all that it takes: eventlet leaves no ``select.poll``.
        """
        timeout = until - Native.monotonic()
        if self._unsent:
            timeout = min(timeout, 0.002)
        connected = self._connected()
        connected.settimeout(max(timeout, 0.0001))  # 0 is not to wait
        try:
            connected.recv(1, _socket.MSG_PEEK)
        except _socket.timeout:
            pass
        finally:
            connected.setblocking(False)

    def is_orphaned(self) -> bool:
        """Tell whether another socket file has taken the place of the one we connected to.

        A collector that is replaced leaves no error behind at its clients. A missing file says
        nothing: the collector behind it may live on.
        """
        if not self.address.path:
            return False
        inode = _inode(self.address.path)
        return inode is not None and inode != self._inode

    def close(self) -> None:
        """Close; may be called twice. In a forked child this leaves the parent's end alone."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _make(self, family: int, kind: int = _socket.SOCK_STREAM) -> _socket.socket:
        with fork.held_off():
            self._socket = made = Native.socket(family, kind)
        made.setblocking(False)
        return made

    def _connected(self) -> _socket.socket:
        if self._socket is None:
            raise ConnectionAbortedError("not connected")
        return self._socket


def explain(error: OSError, address: Address) -> str:
    """Say why connecting failed and, where permissions are the reason, what would mend it."""
    if isinstance(error, PermissionError) and address.path:
        try:
            stat = Native.stat(address.path)
            owner = (stat.st_mode & 0o7777, stat.st_uid, stat.st_gid)
            wanted = "the socket is mode %04o, uid %d, gid %d" % owner
        except OSError:
            wanted = "its directory can't be entered"
        return (
            "permission denied: this process is uid %d, gid %d, groups %s; %s. Run the plugin "
            "with that group, or set the collector's --socket.gid or --socket.mode"
            % (os.geteuid(), os.getegid(), sorted(os.getgroups()), wanted)
        )
    return error.strerror or str(error)


def _inode(path: str) -> Optional[Tuple[int, int, int]]:
    """Identify a socket file. Numbers are used again at once on tmpfs, so its time belongs too
    (mtime: a bind sets it, chmod and chown don't)."""
    try:
        stat = Native.stat(path)
    except OSError:
        return None
    return stat.st_dev, stat.st_ino, stat.st_mtime_ns
