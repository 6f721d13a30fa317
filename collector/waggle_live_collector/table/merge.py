"""What two plugins add up to, when they turn out to be one.

All of one is taken into the other: totals, recent values, processes. No total falls by it, and
a session's next report is still compared with what that process was counted for, since its
cells come along and only the series that they count in is another.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from .exact_sum import ExactSum
from .plugin import Plugin
from .series import CounterSeries, GaugeSeries, RateSeries, Series, TimerSeries
from .tau_series import TIMES, FunctionSeries, TauSeries
from .totals import (
    CounterTotals,
    CountTotals,
    FunctionTotals,
    GaugeTotals,
    RateTotals,
    TauTotals,
    TimerTotals,
)

if TYPE_CHECKING:
    from .process import Process


def absorb(into: Plugin, plugin: Plugin, processes: Iterable[Process], now: float) -> int:
    """Take all of ``plugin`` into another; return how many series became one with another's.

    ``processes`` are all whose plugin it is. It must not be used any more.
    """
    moved: dict[int, Series] = {}
    common = 0
    newest = into if _began(into) > _began(plugin) else plugin
    for key, series in plugin.series.items():
        known = into.series.get(key)
        if known is None:
            known = into.add(key, series.totals)
        else:
            _add(known, series)
            common += 1
        known.stamp.at = max(known.stamp.at, series.stamp.at)
        known.changed = True
        if isinstance(series, TimerSeries | RateSeries):
            cast(TimerSeries, known).recent.absorb(series.recent, now)
        elif isinstance(series, GaugeSeries):
            cast(GaugeSeries, known).live.update(series.live)
        moved[id(series)] = known
    for process in processes:
        process.plugin = into
        process.cells = {
            key: (held, moved[id(series)]) for key, (held, series) in process.cells.items()
        }
    into.processes.update(plugin.processes)
    for part in plugin.cpu.parts:
        into.cpu.add(part)
    for status, exits in plugin.exits.items():
        into.exits[status] = into.exits.get(status, 0) + exits
    into.claim = newest.claim
    into.last_seen = max(into.last_seen, plugin.last_seen)
    if into.left_at is None or plugin.left_at is None:
        into.left_at = None
        into.attend(now)
    else:
        into.left_at = max(into.left_at, plugin.left_at)
    into.encoded = None
    return common


def _began(plugin: Plugin) -> float:
    """Return when the newest process of a plugin began."""
    return max((process.started for process in plugin.processes.values()), default=plugin.started)


def _add(known: Series, series: Series) -> None:
    """Add the totals of one series to another's of the same kind, name and labels."""
    more = series.totals
    if isinstance(known, TimerSeries | RateSeries):
        more = cast(TimerTotals, more)
        totals = cast(TimerTotals, known.totals)
        totals.count += more.count
        totals.sum += more.sum
        if more.last is not None and (totals.last is None or more.last_at >= totals.last_at):
            totals.last, totals.last_at = more.last, more.last_at
        if isinstance(known, RateSeries):
            known.totals.block = known.totals.block or cast(RateTotals, series.totals).block
        else:
            totals.failures += more.failures
            totals.bins[:] = [a + b for a, b in zip(totals.bins, more.bins, strict=True)]
    elif isinstance(known, GaugeSeries):
        gauge = cast(GaugeTotals, more)
        if gauge.ended is not None and (
            known.totals.ended is None or gauge.ended_at >= known.totals.ended_at
        ):
            known.totals.ended, known.totals.ended_at = gauge.ended, gauge.ended_at
    elif isinstance(known, CounterSeries):
        parts = ExactSum(known.totals.parts)  # the very list that the series adds to
        for part in cast(CounterTotals, more).parts:
            parts.add(part)
    elif isinstance(known, FunctionSeries):
        _add_function(known.totals, cast(FunctionTotals, more))
    elif isinstance(known, TauSeries):
        tau = cast(TauTotals, more)
        known.totals.dropped += tau.dropped
        known.totals.torn += tau.torn
        known.totals.dumped_at = max(known.totals.dumped_at, tau.dumped_at)
    else:
        known.totals.value += cast(CountTotals, more).value
    known.totals.updated = max(known.totals.updated, more.updated)


def _add_function(totals: FunctionTotals, more: FunctionTotals) -> None:
    """Add calls and times; a time that neither run measured stays unknown."""
    totals.calls += more.calls
    for time in TIMES:
        added = getattr(more, time)
        if added is not None:
            setattr(totals, time, (getattr(totals, time) or 0) + added)
