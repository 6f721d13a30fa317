"""The HTTP side: ``/metrics``, the API and its stream, health, readiness, and the page."""

import asyncio
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from aiohttp import web
from aiohttp.typedefs import Middleware
from prometheus_client.exposition import choose_encoder, gzip_accepted

from ..exposition.json import Api
from ..exposition.text import CONTENT_TYPE_OPENMETRICS, CONTENT_TYPE_TEXT, Exposition
from ..limits import HttpLimits
from ..own_metrics import OwnMetrics
from ..table.readiness import Readiness
from .page import Page
from .shared_answers import SharedAnswers
from .stream import INLINE_BYTES, Stream

#: Level 1 is three times as fast as 6 and the text is 10 to 20 % larger.
GZIP_LEVEL = 1
#: zlib's name for "with a gzip header".
GZIP_FORMAT = 31
#: Seconds that answers under way may take when the collector ends.
SHUTDOWN_SECONDS = 0.5
CONTENT_TYPE_JSON = "application/json"


class Form(NamedTuple):
    """One of the forms that an answer is asked for in."""

    content_type: str
    packed: bool


@dataclass(eq=False, kw_only=True)
class Routes:
    """The HTTP application; ``save`` writes the state file. Constructing it starts nothing."""

    exposition: Exposition
    api: Api
    readiness: Readiness
    save: Callable[[], None]
    page: Page
    own: OwnMetrics
    limits: HttpLimits

    def __post_init__(self) -> None:
        self._packer = ThreadPoolExecutor(1, "gzip")
        self._answers = SharedAnswers(self._make)
        json = Form(CONTENT_TYPE_JSON, packed=False)
        answer = partial(self._answers.get, json)
        self._stream = Stream(answer=answer, own=self.own, limits=self.limits)

    def runner(self, *middlewares: Middleware) -> web.AppRunner:
        """Return what runs the application with its routes."""
        application = web.Application(middlewares=middlewares)
        application.add_routes(
            [
                web.get(self.page.telemetry_path, self._metrics),
                web.get("/api/v1/plugins", self._plugins),
                web.get("/api/v1/stream", self._live),
                web.get("/-/healthy", self._healthy),
                web.get("/-/ready", self._ready),
            ]
        )
        if self.page.telemetry_path != "/":
            application.add_routes([web.get("/", self._html)])

        async def close(_: web.Application) -> None:
            self._stream.close()

        application.on_shutdown.append(close)
        return web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)

    async def _metrics(self, request: web.Request) -> web.Response:
        _, chosen = choose_encoder(request.headers.get("Accept", ""))
        openmetrics = chosen.startswith("application/openmetrics-text")
        content_type = CONTENT_TYPE_OPENMETRICS if openmetrics else CONTENT_TYPE_TEXT
        return await self._answer(request, content_type)

    async def _plugins(self, request: web.Request) -> web.Response:
        return await self._answer(request, CONTENT_TYPE_JSON)

    async def _healthy(self, request: web.Request) -> web.Response:
        return web.Response(text="healthy\n")

    async def _ready(self, request: web.Request) -> web.Response:
        return self._unready() or web.Response(text="ready\n")

    async def _live(self, request: web.Request) -> web.StreamResponse:
        return self._unready() or self._stream.listen(_takes_gzip(request))

    async def _html(self, request: web.Request) -> web.Response:
        return self.page.response(_takes_gzip(request))

    def _unready(self) -> web.Response | None:
        why = self.readiness.why_not()
        return None if why is None else web.Response(status=503, text=why)

    async def _answer(self, request: web.Request, content_type: str) -> web.Response:
        if unready := self._unready():
            return unready
        packed = _takes_gzip(request)
        headers = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
        if packed:
            headers["Content-Encoding"] = "gzip"
        body = await self._answers.get(Form(content_type, packed))
        return web.Response(body=body, headers=headers)

    async def _make(self, form: Form) -> bytes:
        self.save()
        if form.content_type == CONTENT_TYPE_JSON:
            parts = [self.api.plugins()]
        else:
            parts = self.exposition.render(openmetrics=form.content_type != CONTENT_TYPE_TEXT)
        if not form.packed:
            return b"".join(parts)
        if sum(map(len, parts)) <= INLINE_BYTES:
            return _pack(parts)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._packer, _pack, parts)


def _takes_gzip(request: web.Request) -> bool:
    return gzip_accepted(request.headers.get("Accept-Encoding", ""))


def _pack(parts: list[bytes]) -> bytes:
    """Return the parts compressed; the whole text is never in memory at once."""
    packer = zlib.compressobj(GZIP_LEVEL, wbits=GZIP_FORMAT)
    return b"".join([*map(packer.compress, parts), packer.flush()])
