"""One connection to the collector: a non-blocking stream socket that carries lines."""

import _socket
import os
from typing import Any, Dict, List, Optional, Tuple

from ..native import Native
from ..wire.errors import ProtocolError
from ..wire.protocol import LineBuffer, decode
from . import fork
from .address import Address

#: The longest time for connecting over TCP, in seconds, in the sender's thread.
TCP_CONNECT_TIMEOUT = 1.0
#: Attempts to connect to a unix socket whose queue is full, and seconds between two. While somebody
#: floods the collector with connections, the queue empties and fills within milliseconds.
QUEUE_ATTEMPTS, QUEUE_PAUSE = 20, 0.002
#: The longest line accepted from a collector, in bytes. A ``set`` of all knobs fits.
DEFAULT_MAX_REPLY_BYTES = 64 * 1024
#: Bytes read from a collector at once, and per second after that; the rest waits. Our collector
#: sends at most 100 errors at once and 10 per second: about 50 kB, and 5 kB/s.
DEFAULT_HEARD_BYTES, DEFAULT_HEARD_BYTES_PER_SECOND = 64 * 1024, 256 * 1024
#: What a line costs beside its length: decoding it takes as long as reading so many bytes.
LINE_COST = 64
#: Seconds for which a collector may send more than that, before we hang up.
DEFAULT_FLOOD_SECONDS = 5.0


class Connection:
    """One connection. The sender's thread alone uses it.

    All methods raise OSError when the connection is lost.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._socket: Optional[_socket.socket] = None
        self._lines = LineBuffer(DEFAULT_MAX_REPLY_BYTES)
        #: Bytes that may be read now (a debt if negative), and when that was computed.
        self._allowance = float(DEFAULT_HEARD_BYTES)
        self._allowed_at = Native.monotonic()
        #: Since when there has been more to read than is allowed; None if there isn't.
        self._behind_since: Optional[float] = None
        self._unsent = b""
        #: Identifies the socket file of the collector; None over TCP.
        self.inode: Optional[Tuple[int, int, int]] = None
        #: Inode and device of the socket.
        self._file: Tuple[int, ...] = ()

    def open(self) -> None:
        """Connect: at most 40 ms over a unix socket, a second over TCP. Raises OSError."""
        if self.address.path:
            self.inode = _inode(self.address.path)
            made = self._make(_socket.AF_UNIX)
            for _ in range(QUEUE_ATTEMPTS - 1):
                try:
                    made.connect(self.address.path)
                    return
                except BlockingIOError:
                    Native.sleep(QUEUE_PAUSE)
            made.connect(self.address.path)
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
        """Tell whether the kernel has taken all that was sent."""
        return not self._unsent

    def send(self, data: bytes) -> None:
        """Send as much as the kernel takes now, and keep the rest. Never blocks. Raises OSError.

        If ``is_clear`` is false, callers wait and send newer state, which replaces the older.
        """
        self._unsent += data
        try:
            while self._unsent:
                sent = self._connected().send(self._unsent[: 1 << 18])
                self._unsent = self._unsent[sent:]
        except BlockingIOError:
            pass

    @property
    def has_unread(self) -> bool:
        """Tell whether something has arrived. Costs a fifth of ``receive``, but can't see the end.

        If the descriptor belongs to somebody else by now, the result is arbitrary; ``receive``
        detects that.
        """
        return self._socket is not None and Native.unread(self._socket.fileno()) != 0

    def receive(self) -> List[Dict[str, Any]]:
        """Return the messages that have arrived. Never blocks. Raises OSError at the end of file.

        What exceeds ``DEFAULT_HEARD_BYTES`` is left to later calls. Lines that are no messages are
        skipped.
        """
        messages: List[Dict[str, Any]] = []
        try:
            while self._reckon() > 0:
                data = self._connected().recv(4096)
                if not data:
                    raise ConnectionResetError("the collector closed the connection")
                self._allowance -= len(data) + LINE_COST
                for line in self._lines.feed(data):
                    self._allowance -= LINE_COST
                    try:
                        messages.append(decode(line or b""))
                    except ProtocolError:
                        continue  # not from our collector; nothing depends on it
            if self._behind_since is None:
                self._behind_since = Native.monotonic()
        except BlockingIOError:
            self._behind_since = None
        except ConnectionResetError:
            if not messages:
                raise
            # The next call finds the end of file again.
        return messages

    @property
    def is_behind(self) -> bool:
        """Tell whether ``receive`` has left something unread."""
        return self._behind_since is not None

    @property
    def is_flooded(self) -> bool:
        """Tell whether the collector has sent too much for ``DEFAULT_FLOOD_SECONDS``."""
        since = self._behind_since
        return since is not None and Native.monotonic() - since >= DEFAULT_FLOOD_SECONDS

    def wait(self, until: float) -> None:
        """Wait until ``until`` for something to read; with unsent data at most 2 ms.

        Uses only the socket's own timeout: eventlet removes ``select.poll``.
        """
        timeout = until - Native.monotonic()
        if self._unsent:
            timeout = min(timeout, 0.002)
        missing = 1 - self._reckon()
        if missing > 0:  # nothing may be read now: even a closed connection doesn't end the wait
            until_allowed = missing / DEFAULT_HEARD_BYTES_PER_SECOND + 0.001
            Native.sleep(max(0.0, min(timeout, until_allowed)))
            return
        connected = self._connected()
        connected.settimeout(max(timeout, 0.0001))  # 0 would mean non-blocking
        try:
            connected.recv(1, _socket.MSG_PEEK)
        except _socket.timeout:
            pass
        finally:
            connected.setblocking(False)

    def _reckon(self) -> float:
        """Return how many bytes may be read now."""
        now = Native.monotonic()
        earned = (now - self._allowed_at) * DEFAULT_HEARD_BYTES_PER_SECOND
        self._allowance = min(self._allowance + earned, float(DEFAULT_HEARD_BYTES))
        self._allowed_at = now
        return self._allowance

    def is_orphaned(self) -> bool:
        """Tell whether another socket file has replaced the one that we connected to.

        Clients see no error when a collector is replaced. A missing file says nothing: the
        collector behind it may still run.
        """
        if not self.address.path:
            return False
        inode = _inode(self.address.path)
        return inode is not None and inode != self.inode

    def close(self) -> None:
        """Close; may be called twice. In a forked child the parent's connection stays open."""
        made, self._socket = self._socket, None
        if made is None:
            return
        if self._is_own(made):
            made.close()
        else:
            made.detach()

    def _make(self, family: int, kind: int = _socket.SOCK_STREAM) -> _socket.socket:
        with fork.held_off():
            self._socket = made = Native.socket(family, kind)
        self._file = Native.fstat(made.fileno())[1:3]
        made.setblocking(False)
        return made

    def _connected(self) -> _socket.socket:
        if self._socket is None or not self._is_own(self._socket):
            raise ConnectionAbortedError("not connected")
        return self._socket

    def _is_own(self, made: _socket.socket) -> bool:
        """Tell whether the descriptor is still ours. Daemons close all, and it may be reused."""
        try:
            return Native.fstat(made.fileno())[1:3] == self._file
        except OSError:
            return False


def explain(error: Exception, address: Address) -> str:
    """Say why connecting failed. If permissions are the reason, say how to fix them."""
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
    return getattr(error, "strerror", None) or str(error)


def _inode(path: str) -> Optional[Tuple[int, int, int]]:
    """Return an id of a socket file.

    tmpfs reuses inode numbers at once, so the file's time belongs to the id. It is the mtime: a
    bind sets it, chmod and chown don't.
    """
    try:
        stat = Native.stat(path)
    except OSError:
        return None
    return stat.st_dev, stat.st_ino, stat.st_mtime_ns
