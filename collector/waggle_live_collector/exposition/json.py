"""``/api/v1/plugins``: the numbers of ``/metrics`` as JSON, one object per plugin.

NaN and the infinities are null, which JSON has; so is what is not known.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import json

from waggle_live.wire.histogram import quantile

from ..clock import Clock
from ..table.plugin import Plugin
from ..table.series import CounterSeries, CountSeries, GaugeSeries, RateSeries, TimerSeries
from ..table.table import Table
from ..table.tau_series import FunctionSeries, TauSeries
from .tau_lines import tau


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
        answer = {"now": self._clock.unix(now), "node": self._node, "plugins": plugins}
        return json.encode(answer)

    def _plugin(self, plugin: Plugin, now: float) -> dict[str, Any]:
        kinds: dict[str, list[dict[str, Any]]] = {
            kind: [] for kind in ("timers", "rates", "gauges", "counters")
        }
        counts: dict[str, dict[str, int]] = {"messages": {}, "uploads": {}, "problem": {}}
        for series in plugin.series.values():
            if isinstance(series, CountSeries):
                counts[series.totals.kind][series.totals.name] = series.totals.value
                continue
            if isinstance(series, FunctionSeries | TauSeries):
                continue
            head = {
                "name": series.totals.name,
                "labels": dict(series.totals.labels),
                "age": max(now - series.stamp.at, 0.0),
            }
            if isinstance(series, TimerSeries):
                kinds["timers"].append(head | _timer(series, now))
            elif isinstance(series, RateSeries):
                kinds["rates"].append(head | _rate(series, now))
            elif isinstance(series, GaugeSeries):
                kinds["gauges"].append(head | {"value": series.value()})
            elif isinstance(series, CounterSeries):
                kinds["counters"].append(head | {"total": series.value()})
        claim, clock = plugin.claim, self._clock
        return {
            **plugin.identity._asdict(),
            "up": plugin.up,
            "sessions": sum(1 for _ in plugin.connected()),
            "app_id": claim.app_id,
            "version": claim.version,
            "host": claim.host,
            "zone": claim.zone,
            "verified": claim.verified,
            "client": claim.client,
            "start": round(plugin.started, 3),
            "last_seen": clock.unix(plugin.last_seen),
            "silent": max(now - plugin.last_seen, 0.0),
            "cpu_seconds": plugin.cpu_seconds(),
            "memory_bytes": plugin.memory_bytes(),
            "exits": plugin.exits,
            "messages": counts["messages"],
            "uploads": counts["uploads"].get(""),
            "problems": counts["problem"],
            **kinds,
            **tau(plugin, clock),
        }


def _timer(series: TimerSeries, now: float) -> dict[str, Any]:
    totals, recent = series.totals, series.recent
    if recent.advance(now):
        series.changed = True  # the exposition has not seen it
    some = recent.count > 0
    return {
        "count": totals.count,
        "sum": totals.sum / 1e9,
        "failures": totals.failures,
        "last": None if totals.last is None else totals.last / 1e9,
        "mean": recent.sum / recent.count / 1e9 if some else None,
        "p50": quantile(recent.buckets, 0.5),
        "p95": quantile(recent.buckets, 0.95),
        "p99": quantile(recent.buckets, 0.99),
    }


def _rate(series: RateSeries, now: float) -> dict[str, Any]:
    series.recent.advance(now)
    return {
        "total": series.totals.count,
        "per_second": series.per_second(now),
        "last": series.last_per_second(),
    }
