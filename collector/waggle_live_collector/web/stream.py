"""``/api/v1/stream``: what ``/api/v1/plugins`` says, again and again, as server-sent events.

Each event is made once in each form for all who listen, at the same moments for all, and only
while anybody does. It is the whole state, so nothing is kept for a listener that is slower than
the events: it gets fewer of them. Belongs to the event loop.
"""

import asyncio
import contextlib
import logging
import time
import zlib
from collections.abc import Awaitable, Callable

from aiohttp import web

from ..clock import until_next
from ..limits import HttpLimits
from ..own_metrics import OwnMetrics
from .connection import HttpConnection
from .shared_answers import SharedAnswers

log = logging.getLogger(__name__)

#: Seconds between two events ...
DEFAULT_EVENT_SECONDS = 1.0
#: ... or so many times what it took to make the last one, if that is longer.
DEFAULT_PAUSE_PER_COST = 10

#: Larger answers and events are compressed in a thread, for others not to wait.
INLINE_BYTES = 64 * 1024
CONTENT_TYPE_EVENTS = "text/event-stream"
#: Tells a browser how many milliseconds to wait before it comes back.
_BEGIN = b"retry: 1000\n\n"
#: A gzip header without a name or a time. What follows for one listener follows for all.
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_GZIP_LEVEL = 1


class Stream:
    """Makes events for listeners. Constructing it starts nothing."""

    def __init__(
        self, *, answer: Callable[[], Awaitable[bytes]], own: OwnMetrics, limits: HttpLimits
    ) -> None:
        self.limits = limits
        #: An event of the moment, by whether it is packed; nothing if it can't be made.
        self.events = SharedAnswers(self._make)
        self.listeners: set[Listening] = set()
        self._answer = answer
        self._own = own
        own.http_listeners.set_function(lambda: len(self.listeners))
        self._seconds = DEFAULT_EVENT_SECONDS
        self._closed = asyncio.Event()
        #: Whether a fault was logged; who listens comes back each second.
        self._failed = False

    def listen(self, packed: bool) -> web.StreamResponse:
        """Return the response that the guard is to send, or the refusal."""
        if len(self.listeners) >= self.limits.listeners:
            self._own.http_refusals.labels("listeners").inc()
            text = f"{self.limits.listeners} listen already\n"
            return web.Response(status=503, text=text, headers={"Retry-After": "10"})
        return Listening(self, packed)

    def close(self) -> None:
        """End the streams of all who listen."""
        self._closed.set()

    async def pause(self) -> bool:
        """Wait until it is time for the next event; False if there will be none."""
        with contextlib.suppress(TimeoutError):
            # By the clock and not from one's own last event, so that all ask for it together.
            until = until_next(self._seconds, time.monotonic())
            await asyncio.wait_for(self._closed.wait(), until)
        return not self._closed.is_set()

    async def _make(self, packed: bool) -> bytes:
        begin = time.monotonic()
        try:
            event = b"data: %b\n\n" % await self._answer()
            if packed and len(event) > INLINE_BYTES:
                # zlib lets go of the interpreter meanwhile, and so does a thread of the loop.
                event = await asyncio.to_thread(_pack, event)
            elif packed:
                event = _pack(event)
        except Exception:
            self._own.errors.labels("http").inc()
            if not self._failed:
                log.exception("the live stream has a fault; who listens is let go")
            self._failed = True
            return b""
        cost = time.monotonic() - begin
        self._seconds = max(DEFAULT_EVENT_SECONDS, DEFAULT_PAUSE_PER_COST * cost)
        return event


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
                await self.write(_GZIP_HEADER + _pack(_BEGIN) if self._packed else _BEGIN)
                await self._events(connection, admitted)
            await self.write_eof()
        finally:
            self._stream.listeners.discard(self)

    async def _events(self, connection: HttpConnection, admitted: Callable[[], bool]) -> None:
        while (body := await self._stream.events.get(self._packed)) and admitted():
            try:
                async with asyncio.timeout(self._stream.limits.take_seconds):
                    await connection.send(self, body)
            except TimeoutError:
                connection.cut("unread")
                return
            del body  # or the slow would hold old ones
            await connection.unread.room()
            if not await self._stream.pause():
                return


def _pack(plain: bytes) -> bytes:
    """Return deflated blocks that need nothing before them, and leave room for more behind."""
    packer = zlib.compressobj(_GZIP_LEVEL, wbits=-zlib.MAX_WBITS)
    return packer.compress(plain) + packer.flush(zlib.Z_FULL_FLUSH)
