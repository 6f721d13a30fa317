"""HTTP requests to one server over a kept connection, each within a deadline.

The deadline covers all of a request: look-up of the name, connection, TLS and answer. So a server
that sends one byte a second is late too. Redirects are not followed, so a password goes to no other
server. The environment's proxies are not used.
"""

import http.client
import io
import socket
import ssl
import time
import zlib
from typing import Any, Dict, Mapping, NamedTuple, Optional

from .connection.address import Address
from .connection.dial import dial, in_turn
from .connection.resolver import Resolver

#: The longest answer in bytes, packed or unpacked: some 300,000 series.
MAX_BYTES = 64 * 1024 * 1024
#: zlib's name for "with a gzip header".
_GZIP = 31
_CHUNK = 64 * 1024


class Response(NamedTuple):
    """The answer to a request."""

    status: int
    body: bytes
    #: By names in lower case.
    headers: Mapping[str, str]


class ResponseTooLong(Exception):
    """An answer has more than MAX_BYTES."""


class HttpClient(http.client.HTTPConnection):
    """Requests to one server. The constructor opens nothing. Not thread-safe.

    A request after ``close`` opens another connection.
    """

    def __init__(self, *, address: Address, tls: Optional[ssl.SSLContext]) -> None:
        super().__init__(address.host, address.port)
        self._address = address
        self._resolver = Resolver(address.host, address.port)
        self._tls = tls
        #: The address of the connection, and when a request over a new connection to it last
        #: failed.
        self._where: Any = None
        self._failed: Dict[Any, float] = {}
        #: The ``time.monotonic()`` at which the present request fails.
        self._deadline = 0.0

    def exchange(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        deadline: float,
        body: Optional[bytes] = None,
    ) -> Response:
        """Return the answer by ``deadline`` (``time.monotonic()``).

        Raises OSError, HTTPException, zlib.error and ResponseTooLong. If a kept connection turns
        out to be broken, the request is sent once more on a new one. So it must be safe to repeat.
        """
        self._deadline = deadline
        if self.sock is not None:
            try:
                return self._exchange(method, path, headers, body)
            except (OSError, http.client.HTTPException):
                _left(deadline)
        response = self._exchange(method, path, headers, body)
        self._failed.pop(self._where, None)
        return response

    def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: Optional[bytes]
    ) -> Response:
        try:
            self.request(
                method, path, body=body, headers={"Host": self._address.authority, **headers}
            )
            with self.getresponse() as response:
                told: Dict[str, str] = {
                    name.lower(): value for name, value in response.getheaders()
                }
                return Response(response.status, _read(response), told)
        except BaseException:
            self.close()  # the rest of this answer must not be read as the next one
            raise

    def connect(self) -> None:
        addresses = in_turn(self._resolver.addresses(self._deadline))
        # An address that connects and never answers must not keep later ones from being tried.
        addresses.sort(key=lambda address: self._failed.get(address[4], 0.0))
        self.sock = dial(addresses, self._deadline)
        self._where = self.sock.getpeername()
        # Reset once it has answered.
        self._failed = {each[4]: self._failed.get(each[4], 0.0) for each in addresses}
        self._failed[self._where] = time.monotonic()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is not None:
            self.sock.settimeout(_left(self._deadline))
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._address.name)

    def send(self, data: Any) -> None:
        """Send all of some bytes by the deadline."""
        if self.sock is None:
            self.connect()
        rest = memoryview(data)
        while rest:
            self.sock.settimeout(_left(self._deadline))
            rest = rest[self.sock.send(rest) :]

    def response_class(self, sock: Any, **more: Any) -> http.client.HTTPResponse:  # type: ignore[override]
        return http.client.HTTPResponse(_Incoming(sock, self._deadline), **more)  # type: ignore[arg-type]


def _read(response: http.client.HTTPResponse) -> bytes:
    body = bytearray()
    for chunk in iter(lambda: response.read(_CHUNK), b""):
        body += chunk
        if len(body) > MAX_BYTES:
            raise ResponseTooLong()
    if response.length:  # read(n) doesn't report a body that ended too early
        raise http.client.IncompleteRead(b"", response.length)
    if response.getheader("Content-Encoding", "identity") != "gzip":
        return bytes(body)
    unpacker = zlib.decompressobj(_GZIP)
    unpacked = unpacker.decompress(body, MAX_BYTES)
    if unpacker.unconsumed_tail:
        raise ResponseTooLong()
    if not unpacker.eof:
        raise http.client.IncompleteRead(b"")
    return unpacked


class _Incoming(io.RawIOBase):
    """Receives from a socket until a deadline, in place of the socket in an HTTPResponse."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        super().__init__()
        self._sock = sock
        # It keeps the socket open until it is closed itself. http.client would close a connection
        # that the server ends, before the body is read.
        self._file: Any = sock.makefile("rb", buffering=0)
        self._deadline = deadline

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

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
