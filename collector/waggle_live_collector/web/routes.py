"""The HTTP routes: ``/metrics``, the API, health, readiness, and the page."""

import asyncio
import enum
import time
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from aiohttp import web, web_response

from ..clock import until_next
from ..exposition.changes import Changes
from ..exposition.encoding import Encoding, Form
from ..exposition.exposition import Exposition
from ..exposition.json import Api
from ..exposition.protobuf import PROTOBUF
from ..exposition.text import OPENMETRICS, TEXT
from ..faults import Faults
from ..history.json import HistoryApi
from ..limits import HttpLimits
from ..own_metrics import OwnMetrics
from ..table.readiness import Readiness
from ..table.recent import WINDOW
from . import negotiation
from .answer import Answer
from .control_routes import ControlRoutes
from .guard import FAULT, HttpGuard
from .listener import DEFAULT_MAX_BODY
from .page import Page
from .shared_answers import SharedAnswers

#: aiohttp's own Server header would tell the versions of Python and aiohttp.
vars(web_response)["SERVER_SOFTWARE"] = "waggle-live-collector"
#: The most seconds that unfinished answers get when the collector ends.
SHUTDOWN_SECONDS = 0.5
CONTENT_TYPE_JSON = "application/json"

_ENCODINGS: dict[str, Encoding] = {
    each.content_type: each for each in (TEXT, OPENMETRICS, PROTOBUF)
}
#: The forms without ``?native=1``. Protobuf has native histograms, but clients that don't know
#: these ask for it too: Telegraf, or a Prometheus without that feature. They would fail or miss
#: series.
_TEXTS = (TEXT.content_type, OPENMETRICS.content_type)
#: Seconds between two answers to a page, ...
DEFAULT_PAGE_SECONDS = 1.0
#: ... or this many times the seconds that making the last one took, if that is longer.
DEFAULT_PAUSE_PER_COST = 10
#: The gzip level of the history: a sixth smaller than at the level of other answers.
HISTORY_LEVEL = 6
#: Headers of ``/api/v1/changes``: the newest version of the page, and the seconds until it should
#: ask again. So all pages ask at the same moments and share an answer.
PAGE_HEADER, NEXT_HEADER = "Waggle-Live-Page", "Waggle-Live-Next"


class Told(enum.Enum):
    """The keys of the answers of ``/api/v1/changes``: everything, or what has changed."""

    ALL = enum.auto()
    CHANGES = enum.auto()


class _Newest(NamedTuple):
    """An answer with the changes since the answer ``since``, and its own number."""

    since: int
    number: int
    answer: Answer


@dataclass(eq=False, kw_only=True)
class Routes:
    """The HTTP application. Constructing it starts nothing. Belongs to the event loop.

    ``hand_over`` hands the state to its writer, and returns a function that waits until it is
    written.
    """

    exposition: Exposition
    api: Api
    changes: Changes
    history: HistoryApi
    readiness: Readiness
    hand_over: Callable[[], Callable[[], Awaitable[None]]]
    page: Page
    control: ControlRoutes
    guard: HttpGuard
    own: OwnMetrics
    faults: Faults
    limits: HttpLimits

    def __post_init__(self) -> None:
        #: Answers of ``/metrics`` by form, of ``/api/v1/plugins`` by the seconds of their window,
        #: and of ``/api/v1/changes`` by :class:`Told`.
        self._answers: SharedAnswers[Form | int | Told, Answer | None] = SharedAnswers(self._make)
        #: The earliest position that waits for the next answer with changes. One answer serves all
        #: positions: else scrapes would wait for as many answers as there are positions.
        self._since = 0
        #: The newest answer of ``/api/v1/changes``, for pages that ask a moment later.
        self._told: _Newest | None = None
        self._histories: SharedAnswers[None, Answer] = SharedAnswers(self._make_history)
        self._newest: weakref.ref[Answer] | None = None
        #: The error of each form of ``/metrics`` whose last answer failed.
        self._failing: dict[Form, str] = {}

    def runner(self) -> web.AppRunner:
        """Return the runner of the application with all routes."""
        application = web.Application(
            middlewares=[self.guard.middleware], client_max_size=DEFAULT_MAX_BODY
        )
        application.on_response_prepare.append(self.guard.add_headers)
        application.add_routes(
            [
                web.get(self.page.telemetry_path, self._metrics),
                web.get("/api/v1/plugins", self._plugins),
                web.get("/api/v1/changes", self._changes),
                web.get("/api/v1/history", self._past),
                *self.control.routes(self._unready),
                web.get("/-/healthy", self._healthy),
                web.get("/-/ready", self._ready),
            ]
        )
        if self.page.telemetry_path != "/":
            application.add_routes([web.get("/", self._html)])

        # Cancellation ends the work for a client that has left.
        return web.AppRunner(
            application, shutdown_timeout=SHUTDOWN_SECONDS, handler_cancellation=True
        )

    async def _metrics(self, request: web.Request) -> web.StreamResponse:
        native = negotiation.switch(request.query, "native", default=False)
        live = negotiation.switch(request.query, "live", default=True)
        offers = tuple(_ENCODINGS) if native else _TEXTS
        content_type = negotiation.media_type(request.headers.getall("Accept", []), offers)
        return await self._answer(request, Form(_ENCODINGS[content_type], live))

    async def _plugins(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        window = negotiation.whole(query, "window", default=WINDOW, low=1, high=WINDOW)
        return await self._answer(request, window)

    async def _changes(self, request: web.Request) -> web.StreamResponse:
        """Answer the changes since the position ``since``, or everything if that is unknown."""
        if unready := self._unready():
            return unready
        since, told = self.changes.number(request.query.get("since", "")), self._told
        if since and told is not None and told.since <= since < told.number:
            answer: Answer | None = told.answer
        else:
            self._since = min(self._since or since, since or self._since)
            answer = await self._answers.get(Told.CHANGES if since else Told.ALL)
        if answer is None:
            return web.Response(status=500, text=FAULT)
        headers = {
            "Content-Type": CONTENT_TYPE_JSON,
            "Cache-Control": "no-store",
            "Vary": "Accept-Encoding",
            PAGE_HEADER: self.page.build,
            NEXT_HEADER: f"{_next(answer):.3f}",
        }
        return await answer.respond(request, _takes_gzip(request), headers)

    def _keep(self, told: _Newest) -> None:
        """Keep an answer for pages that ask at nearly the same moment."""
        self._told = told

        def drop() -> None:
            if self._told is told:
                self._told = None

        asyncio.get_running_loop().call_later(DEFAULT_PAGE_SECONDS / 2, drop)

    async def _past(self, request: web.Request) -> web.StreamResponse:
        if unready := self._unready():
            return unready
        answer = await self._histories.get(None)
        headers = {"Content-Type": CONTENT_TYPE_JSON, "Vary": "Accept-Encoding"}
        return await answer.respond(request, _takes_gzip(request), headers)

    async def _healthy(self, request: web.Request) -> web.Response:
        return web.Response(text="healthy\n")

    async def _ready(self, request: web.Request) -> web.Response:
        unready = self._unready()
        if unready is None and self._failing:
            text = f"can't make {self.page.telemetry_path}: {next(iter(self._failing.values()))}\n"
            unready = web.Response(status=503, text=text)
        return unready or web.Response(text="ready\n")

    async def _html(self, request: web.Request) -> web.StreamResponse:
        page = self.page
        return await page.answer.respond(request, _takes_gzip(request), page.headers)

    def _unready(self) -> web.Response | None:
        why = self.readiness.why_not()
        return None if why is None else web.Response(status=503, text=why)

    async def _answer(self, request: web.Request, form: Form | int) -> web.StreamResponse:
        if unready := self._unready():
            return unready
        answer = await self._answers.get(form)
        if answer is None:
            return web.Response(status=500, text=FAULT)
        content_type = form.encoding.content_type if isinstance(form, Form) else CONTENT_TYPE_JSON
        headers = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
        return await answer.respond(request, _takes_gzip(request), headers)

    async def _make(self, form: Form | int | Told) -> Answer | None:
        """Return a new answer. Return None if that fails, and log and count the error."""
        answer, since = Answer(), 0
        if form is Told.CHANGES:
            since, self._since = self._since, 0
        try:
            if isinstance(form, Form):
                await answer.make(self.exposition.render(form))
            elif isinstance(form, Told):
                await answer.make(self.changes.text(since))
            else:
                await answer.make(self.api.plugins(form))
        except Exception as error:
            path = "/api/v1/changes" if isinstance(form, Told) else "/api/v1/plugins"
            if isinstance(form, Form):
                path = self.page.telemetry_path
                self._failing[form] = repr(error)
            self.faults.note("http", f"can't make {path}", error)
            return None
        if isinstance(form, Form):
            self._failing.pop(form, None)
        # Numbers may have changed meanwhile. The state that is handed over now has all of them.
        answer.written = self.hand_over()
        if self._newest is not None and (old := self._newest()):
            old.grow_old()
        self._newest = weakref.ref(answer)
        if since:
            self._keep(_Newest(since, self.changes.newest, answer))
        return answer

    async def _make_history(self, _: None) -> Answer:
        answer = Answer(HISTORY_LEVEL)
        await answer.make(self.history.text())
        answer.grow_old()  # the estimates of series don't include it, so its readers pay
        return answer


def _next(answer: Answer) -> float:
    """Return the seconds until a page should ask again."""
    seconds = max(DEFAULT_PAGE_SECONDS, DEFAULT_PAUSE_PER_COST * answer.seconds)
    wait = until_next(seconds, time.monotonic())
    return wait if wait > seconds / 4 else wait + seconds  # it asked a little early


def _takes_gzip(request: web.Request) -> bool:
    return negotiation.takes_gzip(request.headers.getall("Accept-Encoding", []))
