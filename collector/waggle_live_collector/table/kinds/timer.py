"""Timers: durations of blocks, in integer nanoseconds."""

from __future__ import annotations

from typing import ClassVar, Self

from msgspec import field

from waggle_live.wire.errors import ProtocolError
from waggle_live.wire.histogram import MAX_INDEX, MIN_INDEX
from waggle_live.wire.protocol import TIMER

from ... import messages
from ...clock import Seconds
from ...messages import MAX_WHOLE, Whole
from ..buckets import MAX_NARROW, Buckets
from ..series import Applied, Arrival, Stamp, Totals, fell, over
from . import names
from .windowed import WindowedSeries


class TimerCell(messages.Cell, tag=TIMER):
    """Durations of one process since it began. ``buckets`` are pairs of index and count."""

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
    """What was applied of one process. ``buckets`` add up to ``count``."""

    count: Whole = 0
    sum: Whole = 0
    failures: Whole = 0
    buckets: Buckets = field(default_factory=Buckets)

    def __post_init__(self) -> None:
        _check_sum(self)

    def totals(self) -> TimerTotals:
        """Return the totals of a new series."""
        return TimerTotals(self.name, self.key.labels)


class TimerTotals(Totals, tag=TIMER):
    """Durations of all processes. ``buckets`` add up to ``count``."""

    count: Whole = 0
    sum: Whole = 0
    failures: Whole = 0
    buckets: Buckets = field(default_factory=Buckets)
    last: Whole | None = None
    last_at: Seconds = 0.0
    updated: Seconds = 0.0

    def __post_init__(self) -> None:
        _check_sum(self)

    def series(self, stamp: Stamp) -> TimerSeries:
        """Return the series that counts in this row."""
        return TimerSeries(self, stamp)


class TimerSeries(WindowedSeries):
    """The durations of one name."""

    __slots__ = ()
    totals: TimerTotals

    def take(self, applied: AppliedTimer, cell: TimerCell, arrival: Arrival) -> None:
        """Count what is new in ``cell``; raises ProtocolError (``bad_cell``)."""
        count, total = cell.count - applied.count, cell.sum - applied.sum
        failures = cell.failures - applied.failures
        if count < 0 or total < 0 or failures < 0:
            raise fell()
        totals = self.totals
        if totals.count + count > MAX_WHOLE or totals.sum + total > MAX_WHOLE:
            raise over()
        if totals.failures + failures > MAX_WHOLE:
            raise over()
        new = self._new(applied, cell, arrival)
        # No bucket overflows, since the count doesn't.
        applied.buckets.add_all(new)
        totals.buckets.add_all(new)
        applied.count, applied.sum, applied.failures = cell.count, cell.sum, cell.failures
        if failures:
            totals.failures += failures
        self._count(arrival, cell, count, total, new)

    def _new(self, applied: AppliedTimer, cell: TimerCell, arrival: Arrival) -> dict[int, int]:
        """Return what is new in each bucket; raises ProtocolError."""
        try:
            return self._with_room(applied, cell.count, cell.buckets, arrival)
        except ProtocolError:
            if not applied.count or not all(MIN_INDEX <= i <= MAX_INDEX for i, _ in cell.buckets):
                raise
        # Without room for new buckets, a known timer counts in the outermost ones that it has.
        return self._with_room(applied, cell.count, applied.buckets.clamped(cell.buckets), arrival)

    def _with_room(
        self, applied: AppliedTimer, count: int, buckets: list[tuple[int, int]], arrival: Arrival
    ) -> dict[int, int]:
        first = applied.buckets.first
        counts = applied.buckets.counts.tolist()  # indexing a list is faster
        size = len(counts)
        new: dict[int, int] = {}
        grows = False
        for index, n in buckets:
            position = index - first
            if 0 <= position < size:
                before = counts[position]
            else:
                before, grows = 0, True
            if n != before:
                if n < before or not MIN_INDEX <= index <= MAX_INDEX:
                    rule = f"a bucket is {MIN_INDEX} to {MAX_INDEX}, and its count never falls"
                    raise ProtocolError("bad_cell", f"{rule}, but bucket {index} is now {n}")
                new[index] = n - before
        more = count - applied.count
        if sum(new.values()) != more:
            raise ProtocolError("bad_cell", f"the buckets don't add up to the count, {count}")
        if grows or self.totals.count + more > MAX_NARROW:
            arrival.grow(self, applied, count, new)
        return new

    def merge(self, other: Self, now: float) -> None:
        """Add all that another timer holds; raises OverflowError."""
        totals, more = self.totals, other.totals
        if totals.failures + more.failures > MAX_WHOLE:
            raise OverflowError
        super().merge(other, now)
        totals.failures += more.failures
        totals.buckets.add_all(dict(more.buckets.items()))


def _check_sum(row: AppliedTimer | TimerTotals) -> None:
    if row.buckets.total() != row.count:
        raise ValueError(f"the buckets of timer {row.name} don't add up to its count")
