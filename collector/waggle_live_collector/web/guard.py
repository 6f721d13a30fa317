"""What stands between every HTTP request and its answer: who may ask, and how long it may take.

Covers all paths alike, those that don't exist included. An answer that isn't there when the
scraper's timeout is over would be thrown away by it: so it gets a 503 at that moment, or, where
it is being sent already, its connection is cut.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from ..faults import Faults
from ..limits import HttpLimits
from ..own_metrics import OwnMetrics
from .answer import AnswerResponse, NoRoomError
from .config import WebConfig
from .connection import HttpConnection, Phase, connection_of
from .passwords import BasicAuth
from .stream import Listening

#: Prometheus says by this how long it will wait.
TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
#: More seconds are not believed.
DEFAULT_MAX_ANSWER_SECONDS = 120.0

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="waggle-live-collector", charset="UTF-8"'}

_LATER = {"Retry-After": "1"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(eq=False, kw_only=True)
class HttpGuard:
    """The middleware of the HTTP application."""

    current: Callable[[], WebConfig | None]
    auth: BasicAuth
    own: OwnMetrics
    faults: Faults
    limits: HttpLimits

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request, or say why not."""
        connection = connection_of(request.transport)
        if connection is None:  # it left meanwhile
            return web.Response(status=503)
        connection.enter(Phase.ANSWERED)
        response: web.StreamResponse | None = None
        config = self.current()
        try:
            async with asyncio.timeout(self._seconds(request)) as limit:
                response = await self._answer(request, handler, connection, config)
                if isinstance(response, Listening):
                    limit.reschedule(None)  # it has its own, for each event
                if isinstance(response, AnswerResponse | Listening):
                    # Whoever was admitted by another configuration has to ask again.
                    await response.send(request, connection, lambda: self.current() is config)
        except NoRoomError:
            response = self._refusal("budget", 503, "no room for one more reader", _LATER)
        except TimeoutError:
            if not limit.expired():
                raise
            refusal = self._refusal(
                "late", 503, "the answer was not ready within the scrape timeout"
            )
            if response is None:
                return refusal
            connection.cut("unread")
        except ConnectionError:
            pass  # aiohttp meets it again at the end of the answer, and knows it
        finally:
            connection.enter(Phase.IDLE)
        response = response or web.Response(status=503)
        if connection.is_half_closed:
            response.force_close()  # the peer said that it asks for no more
        return response

    async def _answer(
        self,
        request: web.Request,
        handler: Handler,
        connection: HttpConnection,
        config: WebConfig | None,
    ) -> web.StreamResponse:
        if config is None:
            text = "the collector's web configuration has a fault; see its log"
            return self._refusal("web_config", 500, text)
        if not connection.fits(config):
            # Made under an old TLS. Clients ask again, on a connection of today.
            connection.cut("web_config")
            return web.Response(status=503)
        response = await self._authorized(request, handler, connection, config)
        for name, value in config.headers.items():
            response.headers.setdefault(name, value)  # the page has a stricter policy of its own
        return response

    async def _authorized(
        self,
        request: web.Request,
        handler: Handler,
        connection: HttpConnection,
        config: WebConfig,
    ) -> web.StreamResponse:
        if config.users:
            header = request.headers.get("Authorization")
            if not await self.auth.accepts(config.users, header, connection.principal):
                return self._refusal("unauthorized", 401, "Unauthorized", _CHALLENGE)
        try:
            return await handler(request)
        except web.HTTPException as error:
            headers = {k: v for k, v in error.headers.items() if k in ("Allow", "Location")}
            return web.Response(status=error.status, text=error.text, headers=headers)
        except Exception as error:
            self.faults.note("http", f"can't answer {request.path}", error)
            text = "the collector has a fault; see its log\n"
            return web.Response(status=500, text=text)

    def _refusal(
        self, reason: str, status: int, text: str, headers: dict[str, str] | None = None
    ) -> web.Response:
        self.own.http_refusals.labels(reason).inc()
        return web.Response(status=status, text=text + "\n", headers=headers)

    def _seconds(self, request: web.Request) -> float:
        """Return how long the asker will wait; what makes no sense is not heard."""
        try:
            seconds = float(request.headers.get(TIMEOUT_HEADER, ""))
        except ValueError:
            seconds = 0.0
        if seconds > 0:
            return min(seconds, DEFAULT_MAX_ANSWER_SECONDS)
        return self.limits.answer_seconds
