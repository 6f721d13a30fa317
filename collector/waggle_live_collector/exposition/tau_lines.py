"""The lines about what TAU measured, and the same for the API."""

from typing import Any

from waggle_live.wire.protocol import OTHER_FUNCTIONS

from ..clock import Clock
from ..table.plugin import Key, Plugin
from ..table.tau_series import FunctionSeries, TauSeries
from . import families as f
from .format import Pairs, number, prefix

#: The families of each kind's chunks.
FAMILIES = {
    "function": (
        f.TAU_CALLS,
        f.TAU_EXCLUSIVE,
        f.TAU_INCLUSIVE,
        f.TAU_EXCLUSIVE_CPU,
        f.TAU_INCLUSIVE_CPU,
    ),
    "tau": (f.TAU_DROPPED, f.TAU_TORN),
}

_RUNS = Key("tau", "", ())


class FunctionLines:
    """One line for each number of a function that is measured."""

    kind = "function"

    def __init__(self, series: FunctionSeries, identity: Pairs) -> None:
        self._series = series
        pairs = [*identity, ("function", series.totals.name)]
        self._prefixes = [prefix(family.name, pairs) for family in FAMILIES["function"]]
        self._chunks: tuple[bytes, ...] = (b"",) * len(self._prefixes)

    def render(self, now: float) -> tuple[bytes, ...]:
        """Return the chunks of the families."""
        series = self._series
        if series.changed:
            totals = series.totals
            times = (
                totals.exclusive,
                totals.inclusive,
                totals.exclusive_cpu,
                totals.inclusive_cpu,
            )
            values = [totals.calls, *(time and time / 1e9 for time in times)]
            self._chunks = tuple(
                b"" if value is None else b"%b%b\n" % (before, number(value))
                for before, value in zip(self._prefixes, values, strict=True)
            )
            series.changed = False
        return self._chunks


class TauLines:
    """Functions dropped and torn reads; the time of the last dump needs the clock."""

    kind = "tau"

    def __init__(self, series: TauSeries, identity: Pairs) -> None:
        self._series = series
        identity = list(identity)
        self._dropped = prefix(f.TAU_DROPPED.name, identity)
        self._torn = prefix(f.TAU_TORN.name, identity)
        self._chunks: tuple[bytes, ...] = (b"", b"")

    def render(self, now: float) -> tuple[bytes, ...]:
        """Return the two chunks."""
        series = self._series
        if series.changed:
            totals = series.totals
            self._chunks = (
                b"%b%b\n" % (self._dropped, number(totals.dropped)),
                b"%b%b\n" % (self._torn, number(totals.torn)),
            )
            series.changed = False
        return self._chunks


def last_dump(plugin: Plugin, clock: Clock) -> float | None:
    """Return the Unix time of the plugin's newest dump; None if it has none."""
    series = plugin.series.get(_RUNS)
    return clock.unix(series.totals.dumped_at) if isinstance(series, TauSeries) else None


def tau(plugin: Plugin, clock: Clock) -> dict[str, Any]:
    """Return what the API says: ``functions``, the most exclusive time first, and ``tau``."""
    found: dict[str, Any] = {"functions": [], "tau": None}
    for series in plugin.series.values():
        if isinstance(series, FunctionSeries):
            found["functions"].append(_function(series))
        elif isinstance(series, TauSeries):
            found["tau"] = {
                "last_dump": clock.unix(series.totals.dumped_at),
                "dropped": series.totals.dropped,
                "torn": series.totals.torn,
            }
    found["functions"].sort(key=_cost, reverse=True)
    return found


def _function(series: FunctionSeries) -> dict[str, Any]:
    totals = series.totals
    times = (totals.exclusive, totals.inclusive, totals.exclusive_cpu, totals.inclusive_cpu)
    exclusive, inclusive, exclusive_cpu, inclusive_cpu = (
        time if time is None else time / 1e9 for time in times
    )
    return {
        "name": totals.name,
        "calls": totals.calls,
        "exclusive": exclusive,
        "inclusive": inclusive,
        "exclusive_cpu": exclusive_cpu,
        "inclusive_cpu": inclusive_cpu,
    }


def _cost(function: dict[str, Any]) -> tuple[bool, float]:
    """``__other__`` is no function: it comes last."""
    cost = function["exclusive"] or function["exclusive_cpu"] or 0.0
    return function["name"] != OTHER_FUNCTIONS, cost
