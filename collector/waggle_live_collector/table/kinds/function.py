"""Functions that TAU measured: calls, and times in integer nanoseconds."""

from __future__ import annotations

from typing import ClassVar

from waggle_live.wire.protocol import FUNCTION, OTHER_FUNCTIONS, check_function

from ... import messages
from ...messages import Whole
from ..series import Applied, Stamp
from . import names
from .summed import SummedSeries

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

    def first(self) -> FunctionRow:
        """Return the empty row of a series that is new to its process; raises ProtocolError."""
        return FunctionRow(names.unlabelled(self, check_function), ())


class FunctionRow(Applied, tag=FUNCTION):
    """What was applied of one process, and the sums over all; None is a time never measured."""

    is_authored: ClassVar[bool] = False
    calls: Whole = 0
    exclusive: Whole | None = None
    inclusive: Whole | None = None
    exclusive_cpu: Whole | None = None
    inclusive_cpu: Whole | None = None

    @property
    def is_bounded(self) -> bool:
        """Whether it is the one that stands for all without a series of their own."""
        return self.name == OTHER_FUNCTIONS

    def totals(self) -> FunctionRow:
        """Return the totals of a new series."""
        return FunctionRow(self.name, ())

    def series(self, stamp: Stamp) -> FunctionSeries:
        """Return the series that counts in this row."""
        return FunctionSeries(self, stamp)


class FunctionSeries(SummedSeries):
    """Calls and times of one function, over all runs of the plugin."""

    __slots__ = ()
    sums = ("calls", *TIMES)
    totals: FunctionRow
