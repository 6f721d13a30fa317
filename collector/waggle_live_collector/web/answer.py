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
#: What zlib takes for a window of 32 KiB with gzip's header and sums around it.
_GZIP = zlib.MAX_WBITS | 16


class NoRoomError(Exception):
    """The budget has no room for one more reader."""


class Answer:
    """``written`` waits until what it shows is in the state file."""

    def __init__(self, level: int = GZIP_LEVEL) -> None:
        self.written: Callable[[], Awaitable[None]] | None = None
        #: Seconds that it took to make.
        self.seconds = 0.0
        #: A file of gzip in pieces.
        self._packed: list[bytes] = []
        self._packer = zlib.compressobj(level, wbits=_GZIP)
        self._plain_size = 0
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
        last = self._packed.pop() if self._packed else b""
        self._packed.append(last + self._packer.flush())
        del self._packer  # it takes 256 KiB

    def _add(self, text: bytes) -> None:
        self._plain_size += len(text)
        packed = self._packer.compress(text)
        self._packed += [packed[at : at + PIECE] for at in range(0, len(packed), PIECE)]

    def length(self, packed: bool) -> int:
        """Return how many bytes it is, as gzip or not."""
        return sum(map(len, self._packed)) if packed else self._plain_size

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
                async for piece in self.pieces(packed):
                    await response.write(piece)
                    await request.writer.drain()  # each when the reader has room for it
            await response.write_eof()
        return response

    async def pieces(self, packed: bool) -> AsyncIterator[bytes]:
        """Yield what a reader is sent, as gzip or not.

        The last piece comes when the state is written: nobody has the whole before.
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
            if reader.hold_answer(READER_BYTES + self.length(packed=True)):
                return
            del self._readers[reader]
            reader.cut("crowded")
