"""``/api/v1/plugins``: the numbers of ``/metrics`` as JSON, one object per plugin.

Unknown values are null. So are NaN and infinities, which JSON doesn't have.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from msgspec import json

from waggle_live.wire import protocol
from waggle_live.wire.protocol import IDLE_FUNCTIONS, OTHER_FUNCTIONS, PROFILERS

from ..clock import Clock
from ..faults import Faults
from ..table.exits import GoneRow
from ..table.kinds.count import CountSeries
from ..table.kinds.counter import CounterSeries
from ..table.kinds.function import TIMES, FunctionSeries
from ..table.kinds.gauge import GaugeSeries
from ..table.kinds.rate import RateSeries
from ..table.kinds.timer import TimerSeries
from ..table.plugin import GONE, UP, Plugin
from ..table.recent import WINDOW
from ..table.series import Series
from ..table.table import Table
from . import process
from .columns import TAU_RUN, mean, quantiles

#: Rows rendered before others have their turn.
DEFAULT_BATCH = 500


class Api:
    """Builds the answer from the table. Belongs to the event loop."""

    def __init__(
        self, *, table: Table, faults: Faults, clock: Clock, node: Mapping[str, str]
    ) -> None:
        self._table = table
        self._faults = faults
        self._clock = clock
        self._node = dict(node)

    def plugins(self, window: int = WINDOW) -> Iterator[bytes]:
        """Yield the JSON text in pieces, some of them empty. Others may have their turn between.

        ``window``: the seconds (1 to 10) of recent values; those of the CPU are always of 10. A
        plugin or series that can't be rendered is left out and logged.
        """
        self._clock.refresh()
        now = self._clock.monotonic()
        plugins, gone = list(self._table.shown(now)), list(self._table.gone.rows.values())
        head = {"now": self._clock.unix(now), "window": window, "node": self._node}
        yield json.encode(head)[:-1] + b',"plugins":['
        comma = b""
        for plugin in plugins:
            state = plugin.state(now)
            by_kind: dict[str, list[Series]] = {}
            for key, one in plugin.series.items():
                by_kind.setdefault(key.kind, []).append(one)
            counts = []
            count = partial(counted, state=state, window=window, now=now)
            for kind in COUNTS:
                counts.append(dict((yield from self._told(by_kind.get(kind, ()), count))))
            begin = b""
            with self._faults.kept("exposition", f"can't render {plugin.identity}; it is left out"):
                begin = json.encode(describe(plugin, state, counts, self._clock, now))[:-1]
            if begin:
                yield comma + begin
                comma = b","
                for kind, (name, fields) in SERIES.items():
                    tell = partial(told_of, fields=fields, state=state, window=window, now=now)
                    yield from self._list(name, by_kind.get(kind, ()), tell)
                tell = partial(process.told, now=now)
                yield from self._list("processes", list(plugin.processes.values()), tell)
                functions = yield from self._told(by_kind.get(protocol.FUNCTION, ()), function)
                yield from self._list("functions", by_cost(functions), dict)
                yield b"}"
        yield b"]"
        yield from self._list("gone", gone, _gone)
        yield b"}"

    def _list(self, name: str, rows: Sequence[Any], tell: Callable[[Any], Any]) -> Iterator[bytes]:
        """Yield a field: the list of what ``tell`` returns for each row."""
        yield b',"%b":[' % name.encode()
        comma = b""
        for start in range(0, len(rows), DEFAULT_BATCH):
            told = yield from self._told(
                rows[start : start + DEFAULT_BATCH], lambda row: json.encode(tell(row))
            )
            if told:
                yield comma + b",".join(told)
                comma = b","
        yield b"]"

    def _told(
        self, rows: Sequence[Any], tell: Callable[[Any], Any]
    ) -> Generator[bytes, None, list[Any]]:
        """Return what ``tell`` returns for each row. Yield empty pieces, to give others a turn."""
        told = []
        for number, row in enumerate(rows, 1):
            try:
                told.append(tell(row))
            except Exception as error:
                text = "can't render a series or process of /api/v1/plugins; it is left out"
                self._faults.note("exposition", text, error)
            if not number % DEFAULT_BATCH:
                yield b""
        return told


def describe(
    plugin: Plugin, state: str, counts: Sequence[dict[str, "Counted"]], clock: Clock, now: float
) -> dict[str, Any]:
    """Return the fields of a plugin without its lists of series.

    ``counts``: its messages, uploads and problems, each by name.
    """
    info = plugin.info
    messages, uploaded, problems = counts
    uploads = uploaded.get("", _NEVER_COUNTED)
    return {
        **plugin.identity._asdict(),
        "up": plugin.up,
        "state": state,
        "status": plugin.status or None,
        "sessions": sum(1 for _ in plugin.connected()),
        "app_id": info.app_id,
        "version": info.version,
        "host": info.host,
        "zone": info.zone,
        "verified": info.verified,
        "client": info.client,
        "start": round(plugin.started, 3),
        "last_seen": clock.unix(plugin.last_seen),
        "silent": max(now - plugin.last_seen, 0.0),
        "cpu_seconds": plugin.cpu_seconds(),
        "cpu_per_second": plugin.cpu_per_second(now) if state == UP else None,
        "memory_bytes": plugin.memory_bytes(),
        "memory_scope": plugin.memory_scope(),
        "exits": plugin.exits,
        "messages": {name: each.total for name, each in messages.items()},
        "messages_per_second": {name: each.per_second for name, each in messages.items()},
        "messages_age": {name: each.age for name, each in messages.items()},
        "uploads": uploads.total,
        "uploads_per_second": uploads.per_second,
        "uploads_age": uploads.age,
        "problems": {name: each.total for name, each in problems.items()},
        "tau": _tau(plugin.series.get(TAU_RUN), clock),
    }


def _tau(run: Series | None, clock: Clock) -> dict[str, Any] | None:
    if run is None or run.totals.dumped_at is None:  # no run has reported
        return None
    totals = run.totals
    last_dump = clock.unix(totals.dumped_at)
    return {"last_dump": last_dump, "dropped": totals.dropped, "torn": totals.torn}


def _gone(row: GoneRow) -> dict[str, Any]:
    return {**row.identity._asdict(), "state": GONE, "exits": row.exits}


def told_of(
    series: Series, fields: "_Fields", state: str, window: int, now: float
) -> dict[str, Any]:
    """Return the object of an author's series."""
    totals = series.totals
    age = max(now - series.stamp.at, 0.0)
    told = {"name": totals.name, "labels": dict(totals.labels), "age": age}
    told |= fields(series, window, now)
    if state != UP and totals.kind == protocol.RATE:
        # The rate is unknown now. Only `/metrics` needs a number there, for PromQL.
        told["per_second"] = told["block_per_second"] = None
    return told


def _timer(series: TimerSeries, window: int, now: float) -> dict[str, Any]:
    totals, recent = series.totals, series.recent.last(window, now)
    p50, p95, p99 = quantiles(recent.buckets) or (None, None, None)
    return {
        "count": totals.count,
        "sum": totals.sum / 1e9,
        "failures": totals.failures,
        "last": None if totals.last is None else totals.last / 1e9,
        "mean": mean(recent),
        "p50": p50,
        "p95": p95,
        "p99": p99,
    }


def _rate(series: RateSeries, window: int, now: float) -> dict[str, Any]:
    recent = series.recent.last(window, now)
    return {
        "total": series.totals.count,
        "per_second": recent.per_second(now, seconds=window),
        "block_per_second": series.block_per_second(recent),
        "last": series.last_per_second(),
    }


def _gauge(series: GaugeSeries, *_: Any) -> dict[str, Any]:
    return {"value": series.value()}


def _counter(series: CounterSeries, *_: Any) -> dict[str, Any]:
    return {"total": series.value()}


class Counted(NamedTuple):
    """A count that the client keeps by itself: the total, the rate in the window, and its age."""

    total: int | None
    per_second: float | None
    age: float | None


_NEVER_COUNTED = Counted(None, None, None)


def counted(series: CountSeries, state: str, window: int, now: float) -> tuple[str, Counted]:
    """Return the name of a series that the client counts by itself, and its numbers."""
    recent = series.recent.last(window, now)
    per_second = recent.per_second(now, seconds=window) if state == UP else None
    age = max(now - series.stamp.at, 0.0)
    return series.totals.name, Counted(series.totals.value, per_second, age)


def function(series: FunctionSeries) -> dict[str, Any]:
    """Return the object of a function, without its share."""
    totals = series.totals
    times = {time: getattr(totals, time) for time in TIMES}
    seconds = {time: value if value is None else value / 1e9 for time, value in times.items()}
    return {
        "name": totals.name,
        "profiler": totals.profiler,
        "calls": totals.calls,
        **seconds,
        "throttled": series.throttled,
    }


def by_cost(functions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the functions of each profiler with their shares, the most expensive first.

    A share is one of the CPU time of all functions, or of their wall time if CPU time wasn't
    measured. ``__other__`` counts in it and comes last. ``__idle__`` is only waiting, and left out.
    """
    told = []
    for profiler in PROFILERS:
        some = [each for each in functions if each["profiler"] == profiler]
        some = [each for each in some if each["name"] != IDLE_FUNCTIONS]
        of_cpu = any(each["exclusive_cpu"] is not None for each in some)
        clock = "exclusive_cpu" if of_cpu else "exclusive"
        total = sum(each[clock] or 0.0 for each in some)
        for each in some:
            cost = each[clock]
            each["share"] = cost / total if cost is not None and total else None
            each["share_of"] = "cpu" if of_cpu else "wall"
        some.sort(key=lambda each: (each["name"] == OTHER_FUNCTIONS, -(each[clock] or 0.0)))
        told += some
    return told


_Fields = Callable[[Any, int, float], dict[str, Any]]
#: For each kind of an author's series: the name of its list, and what returns its fields.
SERIES: dict[str, tuple[str, _Fields]] = {
    protocol.TIMER: ("timers", _timer),
    protocol.RATE: ("rates", _rate),
    protocol.GAUGE: ("gauges", _gauge),
    protocol.COUNTER: ("counters", _counter),
}
COUNTS = (protocol.MESSAGES, protocol.UPLOADS, protocol.PROBLEM)
