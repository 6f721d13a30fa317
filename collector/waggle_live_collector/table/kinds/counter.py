"""An author's counters: sums that only rise."""

from __future__ import annotations

from math import fsum
from typing import ClassVar, Self

from waggle_live.wire.protocol import COUNTER

from ... import messages
from ...clock import Seconds
from ...messages import Total
from .. import exact_sum
from ..series import Applied, Arrival, Series, Stamp, Totals, fell
from . import names


class CounterCell(messages.Cell, tag=COUNTER):
    """The sum of one process since it began."""

    kind: ClassVar[str] = COUNTER
    value: Total

    def first(self) -> AppliedCounter:
        """Return the empty row of a series that is new to its process; raises ProtocolError."""
        return AppliedCounter(*names.of_author(self))


class AppliedCounter(Applied, tag=COUNTER):
    """What was applied of one process."""

    value: Total = 0.0

    def totals(self) -> CounterTotals:
        """Return the totals of a new series."""
        return CounterTotals(self.name, self.key.labels)


class CounterTotals(Totals, tag=COUNTER):
    """The sum over all processes, as the parts of an exact sum (``exact_sum.py``)."""

    parts: list[float] = []
    updated: Seconds = 0.0

    def __post_init__(self) -> None:
        exact_sum.check(self.parts)

    def series(self, stamp: Stamp) -> CounterSeries:
        """Return the series that counts in this row."""
        return CounterSeries(self, stamp)


class CounterSeries(Series):
    """The sum of one name."""

    __slots__ = ()
    totals: CounterTotals

    def take(self, applied: AppliedCounter, cell: CounterCell, arrival: Arrival) -> None:
        """Count what is new in ``cell``; raises ProtocolError (``bad_cell``)."""
        if cell.value < applied.value:
            raise fell()
        if cell.value != applied.value or not self.totals.updated:
            exact_sum.change(self.totals.parts, applied.value, cell.value)
            applied.value = cell.value
            self.stamp.raise_to(arrival.at - cell.age)
            self.totals.updated = self.stamp.at

    def merge(self, other: Self, now: float) -> None:
        """Add the sum of another counter."""
        super().merge(other, now)
        for part in other.totals.parts:
            exact_sum.add(self.totals.parts, part)

    def value(self) -> float:
        """Return the sum over all processes."""
        return fsum(self.totals.parts)
