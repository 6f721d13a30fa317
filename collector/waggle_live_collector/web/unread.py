"""Large answers that wait for their readers, and how much memory they take in all.

Readers that share an answer share its bytes. While all answers have more bytes than they may,
further requests wait, and readers that hold them up are cut off. Belongs to the event loop.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Bytes of different answers that are being sent; above it further requests wait ...
DEFAULT_MAX_UNREAD_BYTES = 8 * 1024 * 1024
#: ... and whoever has read nothing for this many seconds, or is at it for so many, is cut off.
DEFAULT_STALL_SECONDS = 0.5
DEFAULT_HOG_SECONDS = 5.0
#: Seconds between two looks for room.
ROOM_PAUSE = 0.05


class Reader:
    """One large answer on its way to one client; ``cut`` closes its connection."""

    def __init__(self, body: bytes, cut: Callable[[], None], now: float) -> None:
        self.body = body
        self.cut = cut
        self.began = self.progressed = now


class UnreadAnswers:
    """The answers that are being sent."""

    def __init__(self, *, now: Callable[[], float]) -> None:
        self.now = now
        self._readers: dict[Reader, None] = {}
        self._look_at = 0.0

    @contextmanager
    def reader(self, body: bytes, cut: Callable[[], None]) -> Iterator[Reader]:
        """Hold an answer while it is sent; whoever sends notes when it ``progressed``."""
        reader = Reader(body, cut, self.now())
        self._readers[reader] = None
        try:
            yield reader
        finally:
            self._readers.pop(reader, None)

    @property
    def readers(self) -> int:
        """How many are sent a large answer now."""
        return len(self._readers)

    async def room(self) -> None:
        """Wait until not too much is being sent; those that don't read it make room."""
        while self._bytes() > DEFAULT_MAX_UNREAD_BYTES:
            now = self.now()
            if now < self._look_at:
                await asyncio.sleep(ROOM_PAUSE)
                continue
            self._look_at = now + ROOM_PAUSE
            for reader in list(self._readers):
                stalled = now - reader.progressed > DEFAULT_STALL_SECONDS
                if stalled or now - reader.began > DEFAULT_HOG_SECONDS:
                    del self._readers[reader]
                    reader.cut()

    def _bytes(self) -> int:
        return sum({id(reader.body): len(reader.body) for reader in self._readers}.values())
