"""Functions that TAU measured: calls, and times in integer nanoseconds."""

from __future__ import annotations

from typing import ClassVar, Self

from waggle_live.wire.protocol import FUNCTION, OTHER_FUNCTIONS, check_function

from ... import messages
from ...messages import Whole
from ..series import Applied, Arrival, Series, Stamp, Totals, fell
from . import names

#: The times of a function, as cell, applied row and totals name them.
TIMES = ("exclusive", "inclusive", "exclusive_cpu", "inclusive_cpu")


class FunctionCell(messages.Cell, tag=FUNCTION):
    """One function; None stands for a time that is not measured or did not change."""

    kind: ClassVar[str] = FUNCTION
    calls: Whole
    exclusive: Whole | None = None
    inclusive: Whole | None = None
    exclusive_cpu: Whole | None = None
    inclusive_cpu: Whole | None = None

    def first(self) -> AppliedFunction:
        """Return the empty row of a series that is new to its process; raises ProtocolError."""
        return AppliedFunction(names.unlabelled(self, check_function), ())


class AppliedFunction(Applied, tag=FUNCTION):
    """What was applied of one process."""

    kind: ClassVar[str] = FUNCTION
    calls: int = 0
    exclusive: int = 0
    inclusive: int = 0
    exclusive_cpu: int = 0
    inclusive_cpu: int = 0

    @property
    def is_bounded(self) -> bool:
        """Whether it is the one that stands for all without a series of their own."""
        return self.name == OTHER_FUNCTIONS

    def totals(self) -> FunctionTotals:
        """Return the totals of a new series."""
        return FunctionTotals(self.name, ())


class FunctionTotals(Totals, tag=FUNCTION):
    """What all runs took; None stands for a time that no process measured."""

    kind: ClassVar[str] = FUNCTION
    is_authored: ClassVar[bool] = False
    calls: int = 0
    exclusive: int | None = None
    inclusive: int | None = None
    exclusive_cpu: int | None = None
    inclusive_cpu: int | None = None
    updated: float = 0.0

    def series(self, stamp: Stamp) -> FunctionSeries:
        """Return the series that counts in this row."""
        return FunctionSeries(self, stamp)


class FunctionSeries(Series):
    """Calls and times of one function, over all runs of the plugin."""

    __slots__ = ()
    totals: FunctionTotals

    def take(self, applied: AppliedFunction, cell: FunctionCell, arrival: Arrival) -> None:
        """Count what is new in ``cell``; raises ProtocolError (``bad_cell``)."""
        told = [(time, value) for time in TIMES if (value := getattr(cell, time)) is not None]
        if cell.calls < applied.calls or any(value < getattr(applied, t) for t, value in told):
            raise fell()
        totals = self.totals
        totals.calls += cell.calls - applied.calls
        applied.calls = cell.calls
        for time, value in told:
            totals_before = getattr(totals, time) or 0
            setattr(totals, time, totals_before + value - getattr(applied, time))
            setattr(applied, time, value)
        totals.updated = arrival.at - cell.age
        self.version += 1

    def merge(self, other: Self, now: float) -> None:
        """Add calls and times; a time that neither measured stays unknown."""
        super().merge(other, now)
        totals, more = self.totals, other.totals
        totals.calls += more.calls
        for time in TIMES:
            added = getattr(more, time)
            if added is not None:
                setattr(totals, time, (getattr(totals, time) or 0) + added)
