"""The HTTP side: ``/metrics``, the API and its stream, health, readiness, and the page."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from aiohttp import web
from aiohttp.typedefs import Middleware

from ..exposition.encoding import Encoding, Form
from ..exposition.exposition import Exposition
from ..exposition.json import Api
from ..exposition.protobuf import PROTOBUF
from ..exposition.text import OPENMETRICS, TEXT
from ..faults import Faults
from ..limits import HttpLimits
from ..own_metrics import OwnMetrics
from ..table.readiness import Readiness
from . import negotiation
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

_ENCODINGS: dict[str, Encoding] = {
    each.content_type: each for each in (TEXT, OPENMETRICS, PROTOBUF)
}
#: Without protobuf, which stands for native histograms: a Prometheus without that feature, Telegraf
#: and others ask for protobuf too, and would fail or miss the series that they know.
_TEXTS = (TEXT.content_type, OPENMETRICS.content_type)


class Asked(NamedTuple):
    """What an answer is asked for: a form of ``/metrics``, or None for JSON; packed or not."""

    form: Form | None
    packed: bool


class Answer(NamedTuple):
    """A body, and what waits until that which it shows is in the state file."""

    body: bytes
    written: Callable[[], Awaitable[None]]


@dataclass(eq=False, kw_only=True)
class Routes:
    """The HTTP application. Constructing it starts nothing.

    ``hand_over`` hands the state to its writer; what it returns waits until that is written.
    """

    exposition: Exposition
    api: Api
    readiness: Readiness
    hand_over: Callable[[], Callable[[], Awaitable[None]]]
    page: Page
    own: OwnMetrics
    faults: Faults
    limits: HttpLimits

    def __post_init__(self) -> None:
        self._packer = ThreadPoolExecutor(1, "gzip")
        self._answers = SharedAnswers(self._make)
        json = Asked(None, packed=False)
        answer = partial(self._saved, json)
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
        return web.AppRunner(
            application,
            access_log=None,
            shutdown_timeout=SHUTDOWN_SECONDS,
            lingering_time=0,  # or the body of an answered request takes memory for seconds
        )

    async def _metrics(self, request: web.Request) -> web.Response:
        native = negotiation.switch(request.query, "native", default=False)
        live = negotiation.switch(request.query, "live", default=True)
        offers = tuple(_ENCODINGS) if native else _TEXTS
        content_type = negotiation.media_type(request.headers.getall("Accept", []), offers)
        return await self._answer(request, Form(_ENCODINGS[content_type], live))

    async def _plugins(self, request: web.Request) -> web.Response:
        return await self._answer(request, None)

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

    async def _answer(self, request: web.Request, form: Form | None) -> web.Response:
        if unready := self._unready():
            return unready
        packed = _takes_gzip(request)
        content_type = CONTENT_TYPE_JSON if form is None else form.encoding.content_type
        headers = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
        if packed:
            headers["Content-Encoding"] = "gzip"
        body = await self._saved(Asked(form, packed))
        return web.Response(body=body, headers=headers)

    async def _saved(self, asked: Asked) -> bytes:
        """Return an answer once what it shows is in the state file."""
        body, written = await self._answers.get(asked)
        await written()
        return body

    async def _make(self, asked: Asked) -> Answer:
        # Nothing can change until the text is made: what it shows is what was handed over.
        written = self.hand_over()
        parts = [self.api.plugins()] if asked.form is None else self.exposition.render(asked.form)
        if not asked.packed:
            return Answer(b"".join(parts), written)
        if sum(map(len, parts)) <= INLINE_BYTES:
            return Answer(_pack(parts), written)
        loop = asyncio.get_running_loop()
        return Answer(await loop.run_in_executor(self._packer, _pack, parts), written)


def _takes_gzip(request: web.Request) -> bool:
    return negotiation.takes_gzip(request.headers.getall("Accept-Encoding", []))


def _pack(parts: list[bytes]) -> bytes:
    """Return the parts compressed; the whole text is never in memory at once."""
    packer = zlib.compressobj(GZIP_LEVEL, wbits=GZIP_FORMAT)
    return b"".join([*map(packer.compress, parts), packer.flush()])
