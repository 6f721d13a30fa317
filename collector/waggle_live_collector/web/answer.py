"""One answer, made piece by piece and kept compressed, for any number of readers.

A large text is never in memory as a whole. It is compressed while it is made, and unpacked piece by
piece for a reader that doesn't take gzip. The budget counts the newest answer with the series that
it shows (``table/costs.py``). An older answer is kept only for slow readers, and counts for the one
that has read it longest. Belongs to the event loop.
"""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager

from aiohttp import web

from .listener import HttpConnection, connection_of

#: Level 1 is three times as fast as level 6, and its result 10 to 20 % larger.
GZIP_LEVEL = 1
#: Seconds of making pieces after which the event loop has its turn. Most pieces take a tenth of
#: that, and so does a turn, which makes a system call.
TURN_SECONDS = 0.001
#: Bytes unpacked at once for a reader: the second number, shared by all readers, but at least the
#: first. Each piece costs another 20 µs or so.
PIECE, DEFAULT_MAX_PIECES = 16 * 1024, 128 * 1024
#: Bytes that a reader costs without the answer: an unpacked piece, a piece that waits to be sent,
#: and the kernel's buffer.
READER_BYTES = 128 * 1024
#: The ``wbits`` of zlib for gzip with a window of 32 KiB.
_GZIP = zlib.MAX_WBITS | 16


class NoRoomError(Exception):
    """The budget has no room for one more reader."""


class Answer:
    """An answer. ``written``, if set, waits until its content is in the state file."""

    def __init__(self, level: int = GZIP_LEVEL) -> None:
        self.written: Callable[[], Awaitable[None]] | None = None
        #: Seconds that making it took.
        self.seconds = 0.0
        #: The gzip file in pieces.
        self._packed: list[bytes] = []
        self._packer = zlib.compressobj(level, wbits=_GZIP)
        self._plain_size = 0
        self._readers: dict[HttpConnection, None] = {}
        #: Whether there is a newer answer. Then the first reader pays for this one.
        self._is_old = False

    async def make(self, pieces: Iterable[bytes]) -> None:
        """Make the whole text from its pieces. The event loop has its turn between them."""
        begin = turn = time.monotonic()
        for piece in pieces:
            self._add(piece)
            if time.monotonic() - turn >= TURN_SECONDS:
                await asyncio.sleep(0)
                turn = time.monotonic()
        self.finish()
        self.seconds = time.monotonic() - begin

    def finish(self, text: bytes = b"") -> None:
        """Add the end of the text. No more can be added then."""
        self._add(text)
        last = self._packed.pop() if self._packed else b""
        self._packed.append(last + self._packer.flush())
        del self._packer  # it takes 256 KiB

    def _add(self, text: bytes) -> None:
        self._plain_size += len(text)
        packed = self._packer.compress(text)
        self._packed += [packed[at : at + PIECE] for at in range(0, len(packed), PIECE)]

    def length(self, packed: bool) -> int:
        """Return its size in bytes, as gzip (``packed``) or as it is."""
        return sum(map(len, self._packed)) if packed else self._plain_size

    async def respond(
        self, request: web.Request, packed: bool, headers: dict[str, str]
    ) -> web.StreamResponse:
        """Answer a request with it, as gzip (``packed``) or as it is.

        Raises NoRoomError before anything is sent, and ConnectionError if the reader has gone.
        """
        response = web.StreamResponse(headers=headers)
        response.content_length = self.length(packed)
        if packed:
            response.headers["Content-Encoding"] = "gzip"
        with self.read_by(connection_of(request)):
            await response.prepare(request)
            if request.method != "HEAD":
                async for piece in self.pieces(packed):
                    await response.write(piece)
                    await request.writer.drain()  # until the reader has room for the next piece
            await response.write_eof()
        return response

    async def pieces(self, packed: bool) -> AsyncIterator[bytes]:
        """Yield what a reader is sent, as gzip (``packed``) or as it is.

        The last piece comes once the state is written, so nobody has the whole before.
        """
        held = b""
        for piece in self._packed if packed else self._unpacked():
            if held:
                yield held
            held = piece
        if self.written is not None:
            await self.written()
        yield held

    def _unpacked(self) -> Iterator[bytes]:
        unpacker = zlib.decompressobj(_GZIP)
        for piece in self._packed:
            left = piece
            while left:
                size = max(PIECE, DEFAULT_MAX_PIECES // max(len(self._readers), 1))
                if text := unpacker.decompress(left, size):
                    yield text
                left = unpacker.unconsumed_tail

    @contextmanager
    def read_by(self, reader: HttpConnection) -> Iterator[None]:
        """Hold the bytes of a reader within the block; raises NoRoomError."""
        if not reader.hold_answer(READER_BYTES):
            raise NoRoomError
        self._readers[reader] = None
        self._pass_on()
        try:
            yield
        finally:
            self._readers.pop(reader, None)
            reader.hold_answer(0)
            self._pass_on()

    def grow_old(self) -> None:
        """Note that there is a newer answer, so that a reader pays for this one."""
        self._is_old = True
        self._pass_on()

    def _pass_on(self) -> None:
        """Let the reader that began first pay for an old answer. Cut readers off that can't."""
        while self._is_old and self._readers:
            reader = next(iter(self._readers))
            if reader.hold_answer(READER_BYTES + self.length(packed=True)):
                return
            del self._readers[reader]
            reader.cut("crowded")
