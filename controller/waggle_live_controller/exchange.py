"""Requests to one server over a kept connection, each within a deadline.

The deadline holds for the whole of it (connection, TLS, answer), so that a server which sends one
byte a second is late like one that sends none. Only the look-up of a name takes as long as the
system's resolver does. Redirects are not followed, so that a password goes nowhere else, and
proxies of the environment are not used.
"""

import http.client
import io
import socket
import ssl
import time
import weakref
import zlib
from typing import Any, Mapping, NamedTuple, Optional

#: Longer answers are refused, as they come and once they are unpacked: some 300,000 series.
MAX_BYTES = 64 * 1024 * 1024
#: zlib's name for "with a gzip header".
_GZIP = 31
_CHUNK = 64 * 1024


class Reply(NamedTuple):
    """The answer to a request."""

    status: int
    body: bytes


class TooLong(Exception):
    """An answer of more than MAX_BYTES."""


class Exchange:
    """One server. Constructing it starts nothing. Not thread-safe."""

    def __init__(self, *, host: str, port: int, tls: Optional[ssl.SSLContext]) -> None:
        self._connection = _Connection(host, port, tls)
        # Also where nobody calls close(): Node(url).poll() in one line leaves nothing open.
        self._finalizer = weakref.finalize(self, self._connection.close)

    def get(self, path: str, headers: Mapping[str, str], timeout: float) -> Reply:
        """Return the answer; raises OSError, HTTPException, zlib.error and TooLong.

        A kept connection that has broken is made anew, once.
        """
        connection = self._connection
        connection.deadline = time.monotonic() + timeout
        kept = connection.sock is not None
        try:
            return self._get(path, headers)
        except socket.timeout:
            raise
        except (OSError, http.client.HTTPException):
            if not kept:
                raise
        return self._get(path, headers)

    def _get(self, path: str, headers: Mapping[str, str]) -> Reply:
        connection = self._connection
        try:
            connection.request("GET", path, headers=dict(headers))
            with connection.getresponse() as response:
                body = _read(response)
                return Reply(response.status, body)
        except BaseException:
            connection.close()  # nobody knows what is still to come on it
            raise

    def close(self) -> None:
        """Close the connection; the next request makes another."""
        self._connection.close()


def _read(response: http.client.HTTPResponse) -> bytes:
    chunks, size = [], 0
    while True:
        chunk = response.read(_CHUNK)
        if not chunk:
            break
        size += len(chunk)
        if size > MAX_BYTES:
            raise TooLong()
        chunks.append(chunk)
    if response.length:  # read(n) says nothing of a body that ended too early
        raise http.client.IncompleteRead(b"", response.length)
    body = b"".join(chunks)
    if response.getheader("Content-Encoding", "identity") != "gzip":
        return body
    unpacker = zlib.decompressobj(_GZIP)
    body = unpacker.decompress(body, MAX_BYTES)
    if unpacker.unconsumed_tail:
        raise TooLong()
    if not unpacker.eof:
        raise http.client.IncompleteRead(b"")
    return body


class _Connection(http.client.HTTPConnection):
    """A connection that reads until ``deadline`` (monotonic) at the longest."""

    def __init__(self, host: str, port: int, tls: Optional[ssl.SSLContext]) -> None:
        super().__init__(host, port)
        self.deadline = 0.0
        self._tls = tls

    def connect(self) -> None:
        made = socket.create_connection((self.host, self.port), _left(self.deadline))
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                made.settimeout(_left(self.deadline))
                made = self._tls.wrap_socket(made, server_hostname=self.host)
        except BaseException:
            made.close()
            raise
        self.sock = made

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        self.sock.settimeout(_left(self.deadline))
        super().send(data)

    def response_class(self, sock: Any, **more: Any) -> http.client.HTTPResponse:  # type: ignore[override]
        return http.client.HTTPResponse(_Source(sock, self.deadline), **more)  # type: ignore[arg-type]


class _Source:
    """All that a response wants of a socket: a file, here one with a deadline."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_File(self._sock, self._deadline))


class _File(io.RawIOBase):
    def __init__(self, sock: socket.socket, deadline: float) -> None:
        super().__init__()
        self._sock = sock
        # The socket lives until this is closed as well, which a last answer relies on.
        self._file: Any = sock.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> Optional[int]:
        self._sock.settimeout(_left(self._deadline))
        count: Optional[int] = self._file.readinto(buffer)
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise socket.timeout("timed out")
    return left
