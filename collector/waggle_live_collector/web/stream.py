"""``/api/v1/stream``: what ``/api/v1/plugins`` says, again and again, as server-sent events.

Each event is an answer that all who listen share, at the same moments for all; it is made only
while anybody does. It is the whole state, so nothing is kept for a listener that is slower than
the events: it gets fewer of them. Belongs to the event loop.
"""

import asyncio
import contextlib
import time
import zlib
from collections.abc import Awaitable, Callable

from aiohttp import web

from ..clock import until_next
from ..limits import HttpLimits
from ..own_metrics import OwnMetrics
from .answer import GZIP_HEADER, GZIP_LEVEL, Answer, NoRoomError
from .connection import HttpConnection

#: Seconds between two events ...
DEFAULT_EVENT_SECONDS = 1.0
#: ... or so many times what it took to make the last one, if that is longer.
DEFAULT_PAUSE_PER_COST = 10

CONTENT_TYPE_EVENTS = "text/event-stream"


def _pack(plain: bytes) -> bytes:
    """Return deflated blocks that need nothing before them, and leave room for more behind."""
    packer = zlib.compressobj(GZIP_LEVEL, wbits=-zlib.MAX_WBITS)
    return packer.compress(plain) + packer.flush(zlib.Z_FULL_FLUSH)


#: What stands before all events, which tells a browser how many milliseconds to wait before it
#: comes back, and before and behind each; as it is and as blocks of deflate.
_PLAIN = (b"retry: 1000\n\n", b"data: ", b"\n\n")
_PACKED = (GZIP_HEADER + _pack(_PLAIN[0]), *map(_pack, _PLAIN[1:]))


class Stream:
    """Makes events for listeners. Constructing it starts nothing.

    ``answer`` returns the newest state for all who ask, None if it can't be made.
    """

    def __init__(
        self,
        *,
        answer: Callable[[], Awaitable[Answer | None]],
        own: OwnMetrics,
        limits: HttpLimits,
    ) -> None:
        self.limits = limits
        self.listeners: set[Listening] = set()
        self._answer = answer
        own.http_listeners.set_function(lambda: len(self.listeners))
        self._seconds = DEFAULT_EVENT_SECONDS
        self._closed = asyncio.Event()

    def close(self) -> None:
        """End the streams of all who listen."""
        self._closed.set()

    async def event(self) -> Answer | None:
        """Return what the next event says; None ends the streams of those who wait for it."""
        answer = await self._answer()
        if answer is not None:
            self._seconds = max(DEFAULT_EVENT_SECONDS, DEFAULT_PAUSE_PER_COST * answer.seconds)
        return answer

    async def pause(self) -> bool:
        """Wait until it is time for the next event; False if there will be none."""
        with contextlib.suppress(TimeoutError):
            # By the clock and not from one's own last event, so that all ask for it together.
            until = until_next(self._seconds, time.monotonic())
            await asyncio.wait_for(self._closed.wait(), until)
        return not self._closed.is_set()


class Listening(web.StreamResponse):
    """The answer to one listener, which goes on until one side ends it."""

    def __init__(self, stream: Stream, packed: bool) -> None:
        headers = {
            "Content-Type": CONTENT_TYPE_EVENTS,
            "Cache-Control": "no-store",
            "Vary": "Accept-Encoding",
            "X-Accel-Buffering": "no",
        }
        if packed:
            headers["Content-Encoding"] = "gzip"
        super().__init__(headers=headers)
        self._packed = packed
        self._stream = stream

    async def send(
        self, request: web.Request, connection: HttpConnection, admitted: Callable[[], bool]
    ) -> None:
        """Send events for as long as ``admitted``; raises ConnectionError when nobody reads."""
        self._stream.listeners.add(self)
        try:
            await self.prepare(request)
            if request.method != "HEAD":
                texts = _PACKED if self._packed else _PLAIN
                await self.write(texts[0])
                await self._events(connection, admitted, *texts[1:])
            await self.write_eof()
        finally:
            self._stream.listeners.discard(self)

    async def _events(
        self,
        connection: HttpConnection,
        admitted: Callable[[], bool],
        before: bytes,
        after: bytes,
    ) -> None:
        while (answer := await self._stream.event()) and admitted():
            try:
                async with asyncio.timeout(self._stream.limits.take_seconds):
                    with answer.read_by(connection):
                        await connection.send(self, answer.pieces(self._packed, before, after))
            except TimeoutError:
                connection.cut("unread")
                return
            except NoRoomError:
                connection.cut("crowded")
                return
            del answer  # or the slow would hold old ones
            if not await self._stream.pause():
                return
