"""``/api/v1/stream``: what ``/api/v1/plugins`` says, again and again, as server-sent events.

Each event is made once for all who listen, and only while anybody does. It is the whole state,
so nothing is kept for a listener that is slower than the events: it gets fewer of them.
Belongs to the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import zlib
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from aiohttp import web

from ..limits import HttpLimits
from .connection import HttpConnection
from .metrics import HttpMetrics

log = logging.getLogger(__name__)

#: Seconds between two events ...
DEFAULT_EVENT_SECONDS = 1.0
#: ... or so many times what it took to make the last one, if that is longer.
DEFAULT_PAUSE_PER_COST = 10

CONTENT_TYPE_EVENTS = "text/event-stream"
#: Tells a browser how many milliseconds to wait before it comes back.
_BEGIN = b"retry: 1000\n\n"
#: A gzip header without a name or a time. What follows for one listener follows for all.
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_GZIP_LEVEL = 1


class Event(NamedTuple):
    """One event in both forms; ``packed`` is there only if somebody listened for it."""

    plain: bytes
    packed: bytes | None


class Stream:
    """Makes events while there are listeners. Constructing it starts nothing."""

    def __init__(
        self,
        *,
        answer: Callable[[], Awaitable[bytes]],
        metrics: HttpMetrics,
        limits: HttpLimits,
    ) -> None:
        self.limits = limits
        self._answer = answer
        self._metrics = metrics
        self._listeners: set[Listening] = set()
        self._latest: Event | None = None
        self._next: asyncio.Future[Event | None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def listen(self, packed: bool) -> web.StreamResponse:
        """Return the response that the guard is to send, or the refusal."""
        if len(self._listeners) >= self.limits.listeners:
            self._metrics.refused("listeners")
            text = f"{self.limits.listeners} listen already\n"
            return web.Response(status=503, text=text, headers={"Retry-After": "10"})
        return Listening(self, packed)

    async def close(self) -> None:
        """End the streams of all who listen."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def enter(self, listening: Listening) -> None:
        """One more listens."""
        self._listeners.add(listening)
        self._metrics.listeners.set(len(self._listeners))
        if self._task is None and not self._closed:
            self._next = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._run())

    def leave(self, listening: Listening) -> None:
        """One listens no more."""
        self._listeners.discard(listening)
        self._metrics.listeners.set(len(self._listeners))

    def latest(self, packed: bool) -> Event | None:
        """Return the event of the last second, if there is one in that form."""
        event = self._latest
        return event if event is None or not packed or event.packed is not None else None

    async def next(self) -> Event | None:
        """Return the event after this call; None when there will be none."""
        return None if self._next is None else await asyncio.shield(self._next)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._listeners:
                begin = time.monotonic()
                event = self._latest = await self._make()
                cost = time.monotonic() - begin
                assert self._next is not None
                told, self._next = self._next, loop.create_future()
                told.set_result(event)
                pause = max(DEFAULT_EVENT_SECONDS, DEFAULT_PAUSE_PER_COST * cost)
                await asyncio.sleep(pause - cost)
        except Exception:
            log.exception("the live stream has a fault; who listens is let go")
        finally:
            self._task = self._latest = None
            if self._next is not None:
                self._next.set_result(None)
                self._next = None

    async def _make(self) -> Event:
        plain = b"data: %b\n\n" % await self._answer()
        if not any(listening.packed for listening in self._listeners):
            return Event(plain, None)
        # zlib lets go of the interpreter meanwhile, and so does a thread of the event loop.
        return Event(plain, await asyncio.to_thread(_pack, plain))


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
        self.packed = packed
        self._stream = stream

    async def send(
        self, request: web.Request, connection: HttpConnection, admitted: Callable[[], bool]
    ) -> None:
        """Send events for as long as ``admitted``; raises ConnectionError when nobody reads."""
        self._stream.enter(self)
        try:
            await self.prepare(request)
            if request.method != "HEAD":
                await self.write(_GZIP_HEADER + _pack(_BEGIN) if self.packed else _BEGIN)
                await self._events(connection, admitted)
            await self.write_eof()
        finally:
            self._stream.leave(self)

    async def _events(self, connection: HttpConnection, admitted: Callable[[], bool]) -> None:
        event = self._stream.latest(self.packed) or await self._stream.next()
        while event is not None and admitted():
            body = event.packed if self.packed else event.plain
            del event
            if body is not None:
                try:
                    async with asyncio.timeout(self._stream.limits.take_seconds):
                        await connection.send(self, body)
                except TimeoutError:
                    connection.cut("unread")
                    return
            del body
            await connection.unread.room()
            event = await self._stream.next()


def _pack(plain: bytes) -> bytes:
    """Return deflated blocks that need nothing before them, and leave room for more behind."""
    packer = zlib.compressobj(_GZIP_LEVEL, wbits=-zlib.MAX_WBITS)
    return packer.compress(plain) + packer.flush(zlib.Z_FULL_FLUSH)
