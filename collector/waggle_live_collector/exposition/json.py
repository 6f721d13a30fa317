"""``/api/v1/plugins``: the numbers of ``/metrics`` as JSON, one object per plugin.

NaN and the infinities are null, which JSON has; so is what is not known.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

from msgspec import json

from waggle_live.wire import protocol
from waggle_live.wire.histogram import quantile
from waggle_live.wire.protocol import OTHER_FUNCTIONS

from ..clock import Clock
from ..table.kinds.count import CountSeries
from ..table.kinds.counter import CounterSeries
from ..table.kinds.function import TIMES
from ..table.kinds.gauge import GaugeSeries
from ..table.kinds.rate import RateSeries
from ..table.kinds.timer import TimerSeries
from ..table.plugin import GONE, UP, Plugin
from ..table.series import Key, Series
from ..table.table import Table

_TAU_RUN = Key(protocol.TAU, "", ())


class Api:
    """Builds the answer from the table. Belongs to the event loop."""

    def __init__(self, *, table: Table, clock: Clock, node: Mapping[str, str]) -> None:
        self._table = table
        self._clock = clock
        self._node = dict(node)

    def plugins(self) -> bytes:
        """Return the JSON text."""
        self._clock.refresh()
        now = self._clock.monotonic()
        plugins = [self._plugin(plugin, now) for plugin in self._table.shown(now)]
        gone = [
            {**row.identity._asdict(), "state": GONE, "exits": row.exits}
            for row in self._table.gone.rows.values()
        ]
        answer = {
            "now": self._clock.unix(now),
            "node": self._node,
            "plugins": plugins,
            "gone": gone,
        }
        return json.encode(answer)

    def _plugin(self, plugin: Plugin, now: float) -> dict[str, Any]:
        clock, info = self._clock, plugin.info
        series: dict[str, list[dict[str, Any]]] = {name: [] for name, _ in _SERIES.values()}
        counts: dict[str, dict[str, _Counted]] = {kind: {} for kind in _COUNTS}
        functions: list[dict[str, Any]] = []
        for key, one in plugin.series.items():
            if key.kind in _SERIES:
                name, fields = _SERIES[key.kind]
                age = max(now - one.stamp.at, 0.0)
                head = {"name": key.name, "labels": dict(key.labels), "age": age}
                series[name].append(head | fields(one, now))
            elif key.kind in counts:
                counts[key.kind][key.name] = _counted(cast(CountSeries, one), now)
            elif key.kind == protocol.FUNCTION:
                functions.append(_function(one))
        functions.sort(key=_cost, reverse=True)
        messages = counts[protocol.MESSAGES]
        uploads = counts[protocol.UPLOADS].get("", _NEVER_COUNTED)
        cpu_per_second = plugin.cpu_per_second(now)
        state = plugin.state(now)
        if state != UP:
            # Nobody knows how often it happens now, and PromQL alone needs a number there.
            for rated in series["rates"]:
                rated["per_second"] = rated["block_per_second"] = None
            messages = {name: each._replace(per_second=None) for name, each in messages.items()}
            uploads, cpu_per_second = uploads._replace(per_second=None), None
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
            "cpu_per_second": cpu_per_second,
            "memory_bytes": plugin.memory_bytes(),
            "memory_scope": plugin.memory_scope(),
            "exits": plugin.exits,
            "messages": {name: each.total for name, each in messages.items()},
            "messages_per_second": {name: each.per_second for name, each in messages.items()},
            "messages_age": {name: each.age for name, each in messages.items()},
            "uploads": uploads.total,
            "uploads_per_second": uploads.per_second,
            "uploads_age": uploads.age,
            "problems": {name: each.total for name, each in counts[protocol.PROBLEM].items()},
            **series,
            "functions": functions,
            "tau": self._tau(plugin.series.get(_TAU_RUN)),
        }

    def _tau(self, run: Series | None) -> dict[str, Any] | None:
        if run is None or run.totals.dumped_at is None:  # told by no run
            return None
        totals = run.totals
        last_dump = self._clock.unix(totals.dumped_at)
        return {"last_dump": last_dump, "dropped": totals.dropped, "torn": totals.torn}


def _timer(series: TimerSeries, now: float) -> dict[str, Any]:
    totals, recent = series.totals, series.recent
    recent.advance(now)
    buckets = dict(recent.buckets.items())
    return {
        "count": totals.count,
        "sum": totals.sum / 1e9,
        "failures": totals.failures,
        "last": None if totals.last is None else totals.last / 1e9,
        "mean": recent.sum / recent.count / 1e9 if recent.count else None,
        "p50": quantile(buckets, 0.5),
        "p95": quantile(buckets, 0.95),
        "p99": quantile(buckets, 0.99),
    }


def _rate(series: RateSeries, now: float) -> dict[str, Any]:
    series.recent.advance(now)
    return {
        "total": series.totals.count,
        "per_second": series.recent.per_second(now),
        "block_per_second": series.block_per_second(),
        "last": series.last_per_second(),
    }


def _gauge(series: GaugeSeries, now: float) -> dict[str, Any]:
    return {"value": series.value()}


def _counter(series: CounterSeries, now: float) -> dict[str, Any]:
    return {"total": series.value()}


class _Counted(NamedTuple):
    """What a client counts by itself: since the start, over the last 10 s, and how long ago."""

    total: int | None
    per_second: float | None
    age: float | None


_NEVER_COUNTED = _Counted(None, None, None)


def _counted(series: CountSeries, now: float) -> _Counted:
    series.recent.advance(now)
    age = max(now - series.stamp.at, 0.0)
    return _Counted(series.totals.value, series.recent.per_second(now), age)


def _function(series: Series) -> dict[str, Any]:
    totals = series.totals
    times = {time: getattr(totals, time) for time in TIMES}
    seconds = {time: value if value is None else value / 1e9 for time, value in times.items()}
    return {"name": totals.name, "calls": totals.calls, **seconds}


def _cost(function: dict[str, Any]) -> tuple[bool, float]:
    """``__other__`` is no function: it comes last."""
    cost = function["exclusive"] or function["exclusive_cpu"] or 0.0
    return function["name"] != OTHER_FUNCTIONS, cost


#: The list that each kind of an author's series stands in, and what gives its fields.
_SERIES: dict[str, tuple[str, Callable[[Any, float], dict[str, Any]]]] = {
    protocol.TIMER: ("timers", _timer),
    protocol.RATE: ("rates", _rate),
    protocol.GAUGE: ("gauges", _gauge),
    protocol.COUNTER: ("counters", _counter),
}
_COUNTS = (protocol.MESSAGES, protocol.UPLOADS, protocol.PROBLEM)
