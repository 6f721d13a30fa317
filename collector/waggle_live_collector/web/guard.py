"""Checks each HTTP request before it is answered: who may ask, and how long it may take.

This covers all paths, even those that don't exist. A scraper drops an answer that comes after its
timeout. So it gets a 503 then, or its connection is cut if the answer is being sent.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from ..faults import Faults
from ..limits import HttpLimits
from ..own_metrics import OwnMetrics
from .answer import NoRoomError
from .listener import HttpConnection, Phase, connection_of
from .passwords import BasicAuth

#: The header in which Prometheus says how long it waits.
TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
#: The longest timeout that a scraper gets, in seconds.
DEFAULT_MAX_ANSWER_SECONDS = 120.0

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="waggle-live-collector", charset="UTF-8"'}

_LATER = {"Retry-After": "1"}
#: The answer to an internal error.
FAULT = "the collector has a fault; see its log\n"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(eq=False, kw_only=True)
class HttpGuard:
    """The middleware of the HTTP application."""

    auth: BasicAuth
    own: OwnMetrics
    faults: Faults
    limits: HttpLimits

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request, or say why not."""
        connection = connection_of(request)
        connection.enter(Phase.ANSWERED)
        try:
            async with asyncio.timeout(self._seconds(request)) as connection.deadline:
                return await self._refused(request, connection) or await handler(request)
        except web.HTTPException:
            raise
        except NoRoomError:
            if request.writer.output_size:
                connection.cut("crowded")
            text = "no room for one more reader; try again, or raise --limit.memory"
            return self._refusal("budget", 503, text, _LATER)
        except ConnectionError:
            return web.Response(status=503)  # nobody reads it
        except Exception as error:
            if connection.deadline.expired():
                if request.writer.output_size:
                    connection.cut("unread")
                text = "the answer was not ready within the scrape timeout"
                return self._refusal("late", 503, text)
            self.faults.note("http", f"can't answer {request.path}", error)
            if request.writer.output_size:
                connection.abort()
            return web.Response(status=500, text=FAULT)
        finally:
            connection.enter(Phase.IDLE)

    async def add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add the configured headers to a response, and forbid caching unless it allows it."""
        response.headers.setdefault("Cache-Control", "no-store")
        if config := connection_of(request).listener.current():
            for name, value in config.headers.items():
                response.headers.setdefault(name, value)  # the page has a stricter policy

    async def _refused(
        self, request: web.Request, connection: HttpConnection
    ) -> web.Response | None:
        """Return the answer to a request that is refused; None if it is admitted."""
        config = connection.listener.current()
        if config is None:
            text = "the collector's web configuration has a fault; see its log"
            return self._refusal("web_config", 500, text)
        if not connection.fits(config):
            # Made under an old TLS configuration. The client retries on a new connection.
            connection.cut("web_config")
            return web.Response(status=503)
        if config.users:
            header = request.headers.get("Authorization")
            if not await self.auth.accepts(config.users, header, connection.principal):
                return self._refusal("unauthorized", 401, "Unauthorized", _CHALLENGE)
        connection.config = config
        return None

    def _refusal(
        self, reason: str, status: int, text: str, headers: dict[str, str] | None = None
    ) -> web.Response:
        self.own.http_refusals.labels(reason).inc()
        return web.Response(status=status, text=text + "\n", headers=headers)

    def _seconds(self, request: web.Request) -> float:
        """Return how long the client waits, in seconds; the default if its header is invalid."""
        try:
            seconds = float(request.headers.get(TIMEOUT_HEADER, ""))
        except ValueError:
            seconds = 0.0
        default = self.limits.answer_seconds
        return min(seconds, DEFAULT_MAX_ANSWER_SECONDS) if seconds > 0 else default
