"""The HTTP routes of control: knobs and leases as JSON, and orders, which need the token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from aiohttp import hdrs, web
from msgspec import DecodeError, ValidationError, json

from ..control import answers
from ..control.control import Control
from ..control.leases import Holder, check_holder
from ..control.orders import OrderError, Orders, Which, Will
from ..control.profiling import Profiling, Wish
from ..own_metrics import OwnMetrics
from . import negotiation
from .answer import Answer
from .control_access import TOKEN_HEADER, ControlAccess
from .listener import DEFAULT_MAX_BODY, connection_of
from .shared_answers import SharedAnswers

KNOBS, LEASES, QUARANTINE = "/api/v1/knobs", "/api/v1/leases", "/api/v1/quarantine"
CONTENT_TYPE = "application/json"
_CHALLENGE = {"WWW-Authenticate": TOKEN_HEADER}
_ANY = "*"
#: Seconds after the end of a profile until it must be answered.
PROFILE_GRACE = 10.0

T = TypeVar("T")


class Clearance(Which):
    """Which value of a knob leaves quarantine; None for all."""

    value: str | None = None


class ControlRoutes:
    """The routes of control. The constructor starts nothing."""

    def __init__(self, *, control: Control, access: ControlAccess, own: OwnMetrics) -> None:
        self._control = control
        self._access = access
        self._own = own
        self._orders = Orders(control)
        self._answers: SharedAnswers[str, Answer] = SharedAnswers(self._make)
        self._profiling = Profiling(control, self._orders)
        self._unready: Callable[[], web.Response | None] = lambda: None

    def routes(self, unready: Callable[[], web.Response | None]) -> list[web.RouteDef]:
        """Return the routes. ``unready`` returns a 503 while answers would be incomplete."""
        self._unready = unready
        return [
            *[web.get(path, self._tell) for path in (KNOBS, LEASES, QUARANTINE)],
            web.put(LEASES + "/{holder}", self._guarded(self._put)),
            web.delete(LEASES + "/{holder}", self._guarded(self._delete)),
            web.delete(QUARANTINE, self._guarded(self._clear)),
            web.post("/api/v1/profile", self._guarded(self._profile)),
        ]

    async def _tell(self, request: web.Request) -> web.StreamResponse:
        """Answer what needs no token. Anybody may ask, so the answer is shared and budgeted."""
        if unready := self._unready():
            return unready
        answer = await self._answers.get(request.path)
        packed = negotiation.takes_gzip(request.headers.getall("Accept-Encoding", []))
        headers = {"Content-Type": CONTENT_TYPE, "Vary": "Accept-Encoding"}
        return await answer.respond(request, packed, headers)

    async def _make(self, path: str) -> Answer:
        answer, control = Answer(), self._control
        if path == KNOBS:
            body = {**answers.head(control), "knobs": list(answers.knobs(control))}
        elif path == LEASES:
            body = answers.head(control)
        else:
            body = {"quarantined": answers.quarantined(control)}
        answer.finish(json.encode(body))
        answer.grow_old()  # its readers pay for it
        return answer

    async def _put(self, request: web.Request) -> web.StreamResponse:
        if unready := self._unready():  # a plugin that is not back yet would be refused
            return unready
        name = _holder_name(request)
        begins = request.headers.getall(hdrs.IF_NONE_MATCH, [])
        matches = _etags(request)
        if bool(begins) == bool(matches) or (begins and begins != [_ANY]):
            text = "a holder's first request has If-None-Match: *, later ones If-Match: <its ETag>"
            raise OrderError("unconditional", 428, text)
        will = await _body(request, Will)
        holder, entries = self._orders.put(name, will, matches)
        self._count("renewed" if matches else "created")
        return self._told(holder, will, entries, 200 if matches else 201)

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        name = _holder_name(request)
        if not self._orders.end(name, _etags(request)):
            raise OrderError("not_found", 404, f"{name} holds nothing")
        self._count("released")
        return web.Response(status=204)

    async def _clear(self, request: web.Request) -> web.StreamResponse:
        which = _convert(dict(request.query), Clearance)
        if not self._orders.clear(which.key, _values(which.value)):
            raise OrderError("not_found", 404, "no such value is quarantined")
        self._count("cleared")
        return web.Response(status=204)

    async def _profile(self, request: web.Request) -> web.StreamResponse:
        wish = await _body(request, Wish)
        connection = connection_of(request)
        connection.ends_with_input = True  # a client that hangs up cancels the profile
        deadline = connection.deadline
        when = deadline.when()
        if when is not None:
            deadline.reschedule(when + wish.seconds + PROFILE_GRACE)
        text, of = await self._profiling.profile(wish)
        self._count("profiled")
        headers = {"Waggle-Profile-Unit": f"{of} microseconds"}
        return web.Response(text=text, headers=headers)

    def _told(
        self, holder: Holder, will: Will, entries: list[dict[str, Any]], status: int
    ) -> web.Response:
        body = {"holder": holder.name, "priority": will.priority, "ttl": will.ttl}
        answer = _answer({**body, "entries": entries}, status)
        answer.headers[hdrs.ETAG] = holder.etag
        return answer

    def _guarded(
        self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if not self._control.is_read:
                return self._unready() or web.Response(status=503)
            try:
                self._access.check(request)
                return await handler(request)
            except OrderError as error:
                self._count(error.outcome)
                headers = _CHALLENGE if error.status == 401 else {}
                return web.Response(status=error.status, text=f"{error}\n", headers=headers)

        return guarded

    def _count(self, outcome: str) -> None:
        self._own.control_requests.labels(outcome).inc()


def _answer(body: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=json.encode(body), content_type=CONTENT_TYPE)


def _etags(request: web.Request) -> list[str]:
    """Return the ETags of If-Match. One of them has to match."""
    lines = request.headers.getall(hdrs.IF_MATCH, [])
    return [each.strip() for line in lines for each in line.split(",")]


def _holder_name(request: web.Request) -> str:
    try:
        return check_holder(request.match_info["holder"])
    except ValueError as error:
        raise OrderError("bad_request", 400, str(error)) from None


async def _body(request: web.Request, kind: type[T]) -> T:
    """Return the decoded body of a request; raises OrderError."""
    try:
        # A body that is too long by its header isn't read.
        if (request.content_length or 0) > DEFAULT_MAX_BODY:
            raise web.HTTPRequestEntityTooLarge(DEFAULT_MAX_BODY, 0)
        return json.decode(await request.read(), type=kind)
    except web.HTTPRequestEntityTooLarge:
        text = f"a body has at most {DEFAULT_MAX_BODY} bytes"
        raise OrderError("bad_request", 413, text) from None
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise OrderError("bad_request", 400, f"the body is wrong: {error}") from None


def _convert(query: dict[str, str], kind: type[T]) -> T:
    try:
        return json.decode(json.encode(query), type=kind)
    except ValidationError as error:
        raise OrderError("bad_request", 400, f"the query is wrong: {error}") from None


def _values(text: str | None) -> list[Any] | None:
    """Return the values that the text of a query may mean: the text, and the text as JSON."""
    if text is None:
        return None
    try:
        return [text, json.decode(text)]
    except (DecodeError, RecursionError):
        return [text]
