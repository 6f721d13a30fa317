"""What stands between every HTTP request and its answer: who may ask, and how long it may take.

Covers all paths alike, those that don't exist included. An answer that isn't there when the
scraper's timeout is over would be thrown away by it: so it gets a 503 at that moment, or, where
it is being sent already, its connection is cut.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from .config import WebConfig
from .connection import PIECE, HttpConnection, Phase, connection_of
from .metrics import HttpMetrics
from .passwords import BasicAuth, BusyError
from .stream import Listening

#: Prometheus says by this how long it will wait.
TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
#: Seconds that an answer may take where the header says nothing.
DEFAULT_ANSWER_SECONDS = 10.0
#: More is not believed.
DEFAULT_MAX_ANSWER_SECONDS = 120.0

_CHALLENGE = 'Basic realm="waggle-live-collector", charset="UTF-8"'

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HttpGuard:
    """The middleware of the HTTP application."""

    def __init__(
        self,
        *,
        current: Callable[[], WebConfig | None],
        auth: BasicAuth,
        metrics: HttpMetrics,
    ) -> None:
        self._current = current
        self._auth = auth
        self._metrics = metrics

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request, or say why not."""
        connection = connection_of(request.transport)
        if connection is None:  # it left meanwhile
            return web.Response(status=503)
        connection.enter(Phase.ANSWERED)
        response: web.StreamResponse | None = None
        config = self._current()
        try:
            async with asyncio.timeout(_seconds(request.headers.get(TIMEOUT_HEADER))) as limit:
                response = _streamed(await self._answer(request, handler, connection, config))
                if isinstance(response, _Streamed):
                    await response.send(request, connection)
                elif isinstance(response, Listening):
                    limit.reschedule(None)  # it has its own, for each event
                    # Whoever was admitted by another configuration has to ask again.
                    await response.send(request, connection, lambda: self._current() is config)
        except TimeoutError:
            if not limit.expired():
                raise
            self._metrics.refused("late")
            if response is None:
                return self._refusal(503, "the answer was not ready within the scrape timeout\n")
            connection.cut("unread")
        except ConnectionError:
            pass  # aiohttp meets it again at the end of the answer, and knows it
        finally:
            connection.sending(b"")
            connection.enter(Phase.IDLE)
        return response or web.Response(status=503)

    async def _answer(
        self,
        request: web.Request,
        handler: Handler,
        connection: HttpConnection,
        config: WebConfig | None,
    ) -> web.StreamResponse:
        if config is None:
            self._metrics.refused("web_config")
            return self._refusal(
                500, "the collector's web configuration has a fault; see its log\n"
            )
        if not connection.fits(config):
            # Made under an old TLS. Clients ask again, on a connection of today.
            connection.cut("web_config")
            return web.Response(status=503)
        await connection.room_for_all()
        response = await self._authorized(request, handler, config)
        for name, value in config.headers.items():
            response.headers.setdefault(name, value)  # the page has a stricter policy of its own
        return response

    async def _authorized(
        self, request: web.Request, handler: Handler, config: WebConfig
    ) -> web.StreamResponse:
        if config.users:
            try:
                header = request.headers.get("Authorization")
                accepted = await self._auth.accepts(config.users, header)
            except BusyError:
                self._metrics.refused("busy")
                return self._refusal(503, "too many passwords to check\n", {"Retry-After": "1"})
            if not accepted:
                self._metrics.refused("unauthorized")
                return self._refusal(401, "Unauthorized\n", {"WWW-Authenticate": _CHALLENGE})
        try:
            return await handler(request)
        except web.HTTPException as error:
            headers = {k: v for k, v in error.headers.items() if k in ("Allow", "Location")}
            return web.Response(status=error.status, text=error.text, headers=headers)

    def _refusal(
        self, status: int, text: str, headers: Mapping[str, str] | None = None
    ) -> web.Response:
        return web.Response(status=status, text=text, headers=headers)


class _Streamed(web.StreamResponse):
    """A large answer, of which a slow reader holds no copy of its own."""

    def __init__(self, response: web.Response, whole: bytes) -> None:
        super().__init__(status=response.status, headers=response.headers)
        self.whole = whole
        self.content_length = len(whole)

    async def send(self, request: web.Request, connection: HttpConnection) -> None:
        """Write it piece by piece."""
        await self.prepare(request)
        if request.method != "HEAD":
            await connection.send(self, self.whole)
        await self.write_eof()


def _streamed(response: web.StreamResponse) -> web.StreamResponse:
    body = response.body if isinstance(response, web.Response) else None
    if isinstance(response, web.Response) and isinstance(body, bytes) and len(body) > PIECE:
        return _Streamed(response, body)
    return response


def _seconds(header: str | None) -> float:
    """Return how long the asker will wait; what makes no sense is not heard."""
    try:
        seconds = float(header or "")
    except ValueError:
        return DEFAULT_ANSWER_SECONDS
    return min(seconds, DEFAULT_MAX_ANSWER_SECONDS) if seconds > 0 else DEFAULT_ANSWER_SECONDS
