"""One answer, made piece by piece and kept compressed, for any number of readers.

A large text is never in memory at once. It is compressed while it is made, and unpacked piece by
piece for a reader that takes no gzip. The newest answer is paid for by those whose series it shows:
their estimates include it. An older one is kept only for slow readers. One of them holds its bytes,
then the next. Belongs to the event loop.
"""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager

from aiohttp import web

from .listener import HttpConnection, connection_of

#: Level 1 is three times as fast as 6 and the text is 10 to 20 % larger.
GZIP_LEVEL = 1
#: Seconds after which others have their turn while pieces are made. Most pieces take a tenth of
#: that, and a turn, which begins with a system call, as much again.
TURN_SECONDS = 0.001
#: Bytes that are unpacked at a time. Few readers get larger pieces, which share the second size:
#: each costs some 20 µs besides.
PIECE, DEFAULT_MAX_PIECES = 16 * 1024, 128 * 1024
#: Bytes that a reader costs beside the answer: what is unpacked for it, a piece that was not
#: written yet, and what the kernel holds for it.
READER_BYTES = 128 * 1024
#: A gzip header without a name or a time.
GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
#: An empty block of deflate, which is the last one.
_LAST_BLOCK = b"\x03\x00"


class NoRoomError(Exception):
    """The budget has no room for one more reader."""


class Answer:
    """``written`` waits until what it shows is in the state file."""

    def __init__(self, level: int = GZIP_LEVEL) -> None:
        self.written: Callable[[], Awaitable[None]] | None = None
        #: Seconds that it took to make.
        self.seconds = 0.0
        #: Blocks of deflate, which need nothing before them and leave room for more behind.
        self._blocks: list[bytes] = []
        self._packer = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
        self._plain_size = self._crc = 0
        self._readers: dict[HttpConnection, None] = {}
        #: Whether there is a newer one; the first reader pays for this one then.
        self._is_old = False

    async def make(self, pieces: Iterable[bytes]) -> None:
        """Take in a text whose pieces are made now; the event loop has its turn between."""
        begin = turn = time.monotonic()
        for piece in pieces:
            self._add(piece)
            if time.monotonic() - turn >= TURN_SECONDS:
                await asyncio.sleep(0)
                turn = time.monotonic()
        self.finish()
        self.seconds = time.monotonic() - begin

    def finish(self, text: bytes = b"") -> None:
        """Take in the end of the text."""
        self._add(text)
        self._blocks.append(self._packer.flush(zlib.Z_FULL_FLUSH))
        del self._packer  # it takes 256 KiB

    def _add(self, text: bytes) -> None:
        self._plain_size += len(text)
        self._crc = zlib.crc32(text, self._crc)
        block = self._packer.compress(text)
        self._blocks += [block[at : at + PIECE] for at in range(0, len(block), PIECE)]

    @property
    def _size(self) -> int:
        return sum(map(len, self._blocks))

    @property
    def gzip_ends(self) -> tuple[bytes, bytes]:
        """What stands before and behind its blocks in a file of gzip."""
        sizes = self._crc, self._plain_size & 0xFFFFFFFF
        return GZIP_HEADER, _LAST_BLOCK + b"".join(size.to_bytes(4, "little") for size in sizes)

    def length(self, packed: bool) -> int:
        """Return how many bytes it is, as gzip or not."""
        return sum(map(len, self.gzip_ends)) + self._size if packed else self._plain_size

    async def respond(
        self, request: web.Request, packed: bool, headers: dict[str, str]
    ) -> web.StreamResponse:
        """Answer a request with it, as gzip or not.

        Raises NoRoomError before it begins, ConnectionError when nobody reads.
        """
        response = web.StreamResponse(headers=headers)
        response.content_length = self.length(packed)
        if packed:
            response.headers["Content-Encoding"] = "gzip"
        with self.read_by(connection_of(request)):
            await response.prepare(request)
            if request.method != "HEAD":
                await self.write(request, response, packed, *(self.gzip_ends if packed else ()))
            await response.write_eof()
        return response

    async def write(
        self, request: web.Request, response: web.StreamResponse, packed: bool, *around: bytes
    ) -> None:
        """Write it piece by piece, each when the reader has room for it.

        Raises ConnectionError when nobody reads.
        """
        async for piece in self.pieces(packed, *around):
            await response.write(piece)
            await request.writer.drain()

    async def pieces(
        self, packed: bool, before: bytes = b"", after: bytes = b""
    ) -> AsyncIterator[bytes]:
        """Yield what a reader is sent, as blocks of deflate or not.

        The last piece comes when the state is written: nobody has the whole before.
        """
        held = before
        for piece in self._blocks if packed else self._unpacked():
            if held != before:
                yield held
                held = b""
            held += piece
        if self.written is not None:
            await self.written()
        yield held + after

    def _unpacked(self) -> Iterator[bytes]:
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        for block in self._blocks:
            left = block
            while left:
                size = max(PIECE, DEFAULT_MAX_PIECES // max(len(self._readers), 1))
                if text := unpacker.decompress(left, size):
                    yield text
                left = unpacker.unconsumed_tail

    @contextmanager
    def read_by(self, reader: HttpConnection) -> Iterator[None]:
        """Have it in memory for a reader; raises NoRoomError if there is none for that."""
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
        """There is a newer one: a reader pays for it from now on."""
        self._is_old = True
        self._pass_on()

    def _pass_on(self) -> None:
        """Have the reader that is at it for longest pay; who can't is cut off."""
        while self._is_old and self._readers:
            reader = next(iter(self._readers))
            if reader.hold_answer(READER_BYTES + self._size):
                return
            del self._readers[reader]
            reader.cut("crowded")
