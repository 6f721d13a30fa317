"""Timers: durations of blocks, in integer nanoseconds."""

from __future__ import annotations

from typing import ClassVar, Self

from waggle_live.wire.errors import ProtocolError
from waggle_live.wire.histogram import BUCKETS_PER_DOUBLING, MAX_INDEX, MIN_INDEX
from waggle_live.wire.protocol import TIMER

from ... import messages
from ...messages import Whole
from ..series import Applied, Arrival, Stamp, Totals, fell
from ..windowed import WindowedSeries
from . import names

#: The ``le`` bounds of the exposition in seconds: powers of two, so each is exactly a bucket
#: bound of the fine histogram; one more bin takes the rest, up to infinity.
BOUNDS = tuple(2.0**exponent for exponent in range(-13, 8))


def _bin(index: int) -> int:
    exponent = -(-index // BUCKETS_PER_DOUBLING)  # of the bucket's upper bound, rounded up
    return min(max(exponent + 13, 0), len(BOUNDS))


#: One object for each index, for dicts to share: decoding makes new ones on every update.
_INDEXES = {index: index for index in range(MIN_INDEX, MAX_INDEX + 1)}
_BINS = [_bin(index) for index in range(MIN_INDEX, MAX_INDEX + 1)]


class TimerCell(messages.Cell, tag=TIMER):
    """Durations of one process since it began; ``buckets`` are (index, count)."""

    kind: ClassVar[str] = TIMER
    count: Whole
    sum: Whole = 0
    last: Whole | None = None
    failures: Whole = 0
    buckets: list[tuple[int, Whole]] = []

    def first(self) -> AppliedTimer:
        """Return the empty row of a series that is new to its process; raises ProtocolError."""
        return AppliedTimer(*names.of_author(self))


class AppliedTimer(Applied, tag=TIMER):
    """What was applied of one process; ``buckets`` add up to ``count``."""

    count: int = 0
    sum: int = 0
    failures: int = 0
    buckets: dict[int, int] = {}

    def totals(self) -> TimerTotals:
        """Return the totals of a new series."""
        return TimerTotals(self.name, self.key.labels)


class TimerTotals(Totals, tag=TIMER):
    """Durations of all processes; ``bins`` count per bound of :data:`BOUNDS`, not cumulated."""

    count: int = 0
    sum: int = 0
    failures: int = 0
    bins: list[int] = []
    last: int | None = None
    last_at: float = 0.0
    updated: float = 0.0

    def series(self, stamp: Stamp) -> TimerSeries:
        """Return the series that counts in this row."""
        return TimerSeries(self, stamp)


class TimerSeries(WindowedSeries):
    """The durations of one name."""

    __slots__ = ()
    totals: TimerTotals

    def __init__(self, totals: TimerTotals, stamp: Stamp) -> None:
        super().__init__(totals, stamp)
        if not totals.bins:
            totals.bins = [0] * (len(BOUNDS) + 1)

    def take(self, applied: AppliedTimer, cell: TimerCell, arrival: Arrival) -> None:
        """Count what is new in ``cell``; raises ProtocolError (``bad_cell``)."""
        count, total = cell.count - applied.count, cell.sum - applied.sum
        failures = cell.failures - applied.failures
        if count < 0 or total < 0 or failures < 0:
            raise fell()
        fine = applied.buckets
        new: dict[int, int] = {}
        for decoded, n in cell.buckets:
            if n != (before := fine.get(decoded, 0)):
                index = _INDEXES.get(decoded)
                if index is None or n < before:
                    raise ProtocolError("bad_cell", f"bucket {decoded} fell or is out of range")
                new[index] = n - before
        if sum(new.values()) != count:
            raise ProtocolError("bad_cell", "the buckets don't add up to the count")
        bins = self.totals.bins
        for index, n in new.items():
            fine[index] = fine.get(index, 0) + n
            bins[_BINS[index - MIN_INDEX]] += n
        applied.count, applied.sum, applied.failures = cell.count, cell.sum, cell.failures
        self.totals.failures += failures
        self._count(arrival, cell, count, total, new)

    def merge(self, other: Self, now: float) -> None:
        """Add all that another timer holds."""
        super().merge(other, now)
        totals, more = self.totals, other.totals
        totals.failures += more.failures
        totals.bins[:] = [a + b for a, b in zip(totals.bins, more.bins, strict=True)]
