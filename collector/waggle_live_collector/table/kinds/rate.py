"""Rates: events, counted as ticks or as timed blocks."""

from __future__ import annotations

from typing import ClassVar, Self

from waggle_live.wire.protocol import RATE

from ... import messages
from ...clock import Seconds
from ...messages import MAX_WHOLE, Whole
from ..recent import Recent
from ..series import Applied, Arrival, Stamp, Totals, fell, over
from . import names
from .windowed import WindowedSeries


class RateCell(messages.Cell, tag=RATE):
    """Events of one process. ``sum`` is the time of blocks in ns; None for a rate of ticks.

    ``last`` is the last block in ns, or the time between the last two ticks.
    """

    kind: ClassVar[str] = RATE
    count: Whole
    sum: Whole | None = None
    last: Whole | None = None

    def first(self) -> AppliedRate:
        """Return the empty row of a series that is new to its process; raises ProtocolError."""
        return AppliedRate(*names.of_author(self))


class AppliedRate(Applied, tag=RATE):
    """What was applied of one process."""

    count: Whole = 0
    sum: Whole = 0

    def totals(self) -> RateTotals:
        """Return the totals of a new series."""
        return RateTotals(self.name, self.key.labels)


class RateTotals(Totals, tag=RATE):
    """Events of all processes. ``block``: whether it is a rate of blocks, of ``sum`` ns."""

    count: Whole = 0
    sum: Whole = 0
    block: bool = False
    last: Whole | None = None
    last_at: Seconds = 0.0
    updated: Seconds = 0.0

    def series(self, stamp: Stamp) -> RateSeries:
        """Return the series that counts in this row."""
        return RateSeries(self, stamp)


class RateSeries(WindowedSeries):
    """The events of one name."""

    __slots__ = ()
    totals: RateTotals

    def take(self, applied: AppliedRate, cell: RateCell, arrival: Arrival) -> None:
        """Count what is new in ``cell``; raises ProtocolError (``bad_cell``)."""
        count, total = cell.count - applied.count, (cell.sum or 0) - applied.sum
        totals = self.totals
        if count < 0 or total < 0:
            raise fell()
        if totals.count + count > MAX_WHOLE or totals.sum + total > MAX_WHOLE:
            raise over()
        applied.count, applied.sum = cell.count, cell.sum or 0
        totals.block = totals.block or cell.sum is not None
        self._count(arrival, cell, count, total, {})

    def merge(self, other: Self, now: float) -> None:
        """Add all that another rate holds; raises OverflowError."""
        super().merge(other, now)
        self.totals.block = self.totals.block or other.totals.block

    def block_per_second(self, recent: Recent) -> float | None:
        """Return 1 / the mean duration of the blocks in a window; None if there are none."""
        if not self.totals.block or not recent.count:
            return None
        # A coarse clock may give 0 ns. Count 1 ns for each block at least.
        return 1e9 * recent.count / max(recent.sum, recent.count)

    def last_per_second(self) -> float | None:
        """Return 1 / the last duration; None if there is none."""
        last = self.totals.last
        return None if last is None else 1e9 / max(last, 1)
