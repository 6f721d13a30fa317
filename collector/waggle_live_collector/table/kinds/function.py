"""Functions, as a profiler measured them: calls, and times in integer nanoseconds.

The label ``profiler`` is part of a series' key, so what TAU and the sampler measured never adds up.
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

#: The times of a function, as cell, row and JSON name them.
TIMES = ("exclusive", "inclusive", "exclusive_cpu")
#: Clients and state files of the release before name no profiler: they knew TAU alone.
_UNNAMED: Labels = (("profiler", TAU_PROFILER),)


class FunctionCell(messages.Cell, tag=FUNCTION):
    """One function; None stands for what is not measured or did not change.

    ``throttled``: TAU measures no more calls of it, so that their time counts for their callers.
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
    """What was applied of one process; None is what was never measured.

    Its labels are those of the cells, by which the next one finds it.
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
        """Whether it stands for all functions of a sort, without a series of their own."""
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
        """What measured it: one of ``PROFILERS``."""
        return self.labels[0][1]

    def series(self, stamp: Stamp) -> FunctionSeries:
        """Return the series that counts in this row."""
        return FunctionSeries(self, stamp)


class FunctionSeries(SummedSeries):
    """Calls and times of one function, over all runs of the plugin.

    ``throttled``: it was in any run. The state file doesn't keep that, but who comes back says it
    again.
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
