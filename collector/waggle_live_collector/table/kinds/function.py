"""Functions as a profiler measured them: calls, and times in integer nanoseconds.

The label ``profiler`` is part of the key, so the times of TAU and the sampler are never added up.
"""

from __future__ import annotations

from typing import ClassVar, Self

from waggle_live.wire.protocol import (
    FUNCTION,
    IDLE_FUNCTIONS,
    OTHER_FUNCTIONS,
    TAU_PROFILER,
    Labels,
)

from ... import messages
from ...messages import Whole
from ..series import Applied, Arrival, Key, Stamp
from . import names
from .summed import SummedSeries

#: The times of a function, as fields of cells, rows and JSON.
TIMES = ("exclusive", "inclusive", "exclusive_cpu")
#: Clients and state files of the release before name no profiler, for they know only TAU.
_UNNAMED: Labels = (("profiler", TAU_PROFILER),)


class FunctionCell(messages.Cell, tag=FUNCTION):
    """One function. None means not measured, or not changed.

    ``throttled``: TAU has stopped measuring its calls, so their time counts for its callers.
    """

    kind: ClassVar[str] = FUNCTION
    calls: Whole | None = None
    exclusive: Whole | None = None
    inclusive: Whole | None = None
    exclusive_cpu: Whole | None = None
    throttled: bool = False

    def first(self) -> FunctionRow:
        """Return the empty row of a series that is new to its process; raises ProtocolError."""
        return FunctionRow(*names.of_function(self))


class FunctionRow(Applied, tag=FUNCTION):
    """What was applied of one process. None means never measured.

    It has the labels of its cells, since the next cell is looked up by them.
    """

    is_authored: ClassVar[bool] = False
    calls: Whole | None = None
    exclusive: Whole | None = None
    inclusive: Whole | None = None
    exclusive_cpu: Whole | None = None

    @property
    def key(self) -> Key:
        """The key of the series, which always names the profiler."""
        return Key(self.kind, self.name, self.labels or _UNNAMED)

    @property
    def is_bounded(self) -> bool:
        """Whether it is a sum over functions that have no series of their own."""
        return self.name in (OTHER_FUNCTIONS, IDLE_FUNCTIONS)

    def totals(self) -> FunctionTotals:
        """Return the totals of a new series."""
        return FunctionTotals(self.name, self.labels)


class FunctionTotals(FunctionRow, tag=FUNCTION):
    """The sums over all processes."""

    def __post_init__(self) -> None:
        self.labels = self.labels or _UNNAMED

    @property
    def profiler(self) -> str:
        """The profiler that measured it: one of ``PROFILERS``."""
        return self.labels[0][1]

    def series(self, stamp: Stamp) -> FunctionSeries:
        """Return the series that counts in this row."""
        return FunctionSeries(self, stamp)


class FunctionSeries(SummedSeries):
    """Calls and times of one function over all processes of the plugin.

    ``throttled``: whether it was throttled in any of them. The state file doesn't have that;
    processes that return report it again.
    """

    __slots__ = ("throttled",)
    sums = ("calls", *TIMES)
    totals: FunctionTotals

    def __init__(self, totals: FunctionTotals, stamp: Stamp) -> None:
        super().__init__(totals, stamp)
        self.throttled = False

    def take(self, applied: FunctionRow, cell: FunctionCell, arrival: Arrival) -> None:
        """Count what is new in ``cell``; raises ProtocolError (``bad_cell``)."""
        super().take(applied, cell, arrival)
        self.throttled |= cell.throttled

    def merge(self, other: Self, now: float) -> None:
        """Add the sums of another series; raises OverflowError."""
        super().merge(other, now)
        self.throttled |= other.throttled
