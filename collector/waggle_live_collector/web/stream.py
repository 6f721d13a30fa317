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
from .answer import GZIP_HEADER, GZIP_LEVEL, Answer
from .listener import HttpConnection, connection_of

#: Seconds between two events ...
DEFAULT_EVENT_SECONDS = 1.0
#: ... or so many times what it took to make the last one, if that is longer.
DEFAULT_PAUSE_PER_COST = 10

_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "Vary": "Accept-Encoding",
    "X-Accel-Buffering": "no",
}


def _pack(plain: bytes) -> bytes:
    """Return deflated blocks that need nothing before them, and leave room for more behind."""
    packer = zlib.compressobj(GZIP_LEVEL, wbits=-zlib.MAX_WBITS)
    return packer.compress(plain) + packer.flush(zlib.Z_FULL_FLUSH)


#: What stands before all events, which tells a browser how many milliseconds to wait before it
#: comes back, and before and behind each; as it is and as blocks of deflate.
_PLAIN = (b"retry: 1000\n\n", b"data: ", b"\n\n")
_PACKED = (GZIP_HEADER + _pack(_PLAIN[0]), *map(_pack, _PLAIN[1:]))


class Stream:
    """Sends events to listeners. Constructing it starts nothing.

    ``answer`` returns the newest state for all who ask, None if it can't be made.
    """

    def __init__(
        self,
        *,
        answer: Callable[[], Awaitable[Answer | None]],
        own: OwnMetrics,
        limits: HttpLimits,
    ) -> None:
        self._answer = answer
        self._listeners = own.http_listeners
        self._limits = limits
        self._seconds = DEFAULT_EVENT_SECONDS
        self._closed = asyncio.Event()

    async def close(self, _: web.Application) -> None:
        """End the streams of all who listen."""
        self._closed.set()

    async def respond(self, request: web.Request, packed: bool) -> web.StreamResponse:
        """Send events until one side ends it, each within the time of an answer.

        Raises NoRoomError, or ConnectionError when nobody reads.
        """
        response = web.StreamResponse(headers=_HEADERS)
        begin, *around = _PACKED if packed else _PLAIN
        if packed:
            response.headers["Content-Encoding"] = "gzip"
        connection, loop = connection_of(request), asyncio.get_running_loop()
        deadline = connection.deadline
        deadline.reschedule(None)
        with self._listeners.track_inprogress():
            await response.prepare(request)
            if request.method != "HEAD":
                await response.write(begin)
                while answer := await self._event(connection):
                    deadline.reschedule(loop.time() + self._limits.answer_seconds)
                    with answer.read_by(connection):
                        await answer.write(request, response, packed, *around)
                    deadline.reschedule(None)
                    del answer  # or the slow would hold old ones
                    await self._pause()
            await response.write_eof()
        return response

    async def _event(self, connection: HttpConnection) -> Answer | None:
        """Return what the next event says; None ends the stream of that listener."""
        answer = None if self._closed.is_set() else await self._answer()
        if answer is None or connection.config is not connection.listener.current():
            return None
        self._seconds = max(DEFAULT_EVENT_SECONDS, DEFAULT_PAUSE_PER_COST * answer.seconds)
        return answer

    async def _pause(self) -> None:
        """Wait until it is time for the next event, or there will be none."""
        with contextlib.suppress(TimeoutError):
            # By the clock and not from one's own last event, so that all ask for it together.
            until = until_next(self._seconds, time.monotonic())
            await asyncio.wait_for(self._closed.wait(), until)
