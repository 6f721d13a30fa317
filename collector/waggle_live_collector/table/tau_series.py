"""The merged series of what TAU measured: functions, and the runs that measured them.

They are no author's series: they have no window of recent values and no update time of their
own, since all of a run's functions are read at its dumps, whose time is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from waggle_live.wire.errors import ProtocolError

from ..messages import FunctionCell, TauCell
from .held import HeldFunction, HeldTau
from .totals import FunctionTotals, TauTotals

if TYPE_CHECKING:
    from ..exposition.rendered import Lines
    from .series import Arrival, Stamp

#: The times of a function, as cells, held and totals name them.
TIMES = ("exclusive", "inclusive", "exclusive_cpu", "inclusive_cpu")


class FunctionSeries:
    """Calls and times of one function, over all runs of the plugin."""

    __slots__ = ("changed", "lines", "stamp", "totals")

    def __init__(self, totals: FunctionTotals, stamp: Stamp) -> None:
        self.totals = totals
        self.stamp = stamp
        self.changed = True
        self.lines: Lines | None = None

    def take(self, held: HeldFunction, cell: FunctionCell, moment: Arrival) -> None:
        """Count what is new in ``cell``."""
        new = [(time, getattr(cell, time)) for time in TIMES]
        # A time that is left out is one that did not change.
        new = [(time, value) for time, value in new if value is not None]
        if cell.calls < held.calls or any(value < getattr(held, time) for time, value in new):
            raise ProtocolError("bad_cell", "a cumulative value is lower than it was before")
        totals = self.totals
        totals.calls += cell.calls - held.calls
        held.calls = cell.calls
        for time, value in new:
            total = getattr(totals, time) or 0
            setattr(totals, time, total + value - getattr(held, time))
            setattr(held, time, value)
        totals.updated = moment.at - cell.age
        self.changed = True


class TauSeries:
    """The runs of a plugin under TAU."""

    __slots__ = ("changed", "lines", "stamp", "totals")

    def __init__(self, totals: TauTotals, stamp: Stamp) -> None:
        self.totals = totals
        self.stamp = stamp
        self.changed = True
        self.lines: Lines | None = None

    def take(self, held: HeldTau, cell: TauCell, moment: Arrival) -> None:
        """Count what is new in ``cell``."""
        if cell.dropped < held.dropped or cell.torn < held.torn:
            raise ProtocolError("bad_cell", "a cumulative value is lower than it was before")
        totals, at = self.totals, moment.at - cell.age
        totals.dropped += cell.dropped - held.dropped
        totals.torn += cell.torn - held.torn
        held.dropped, held.torn = cell.dropped, cell.torn
        totals.dumped_at = max(totals.dumped_at, at) if totals.updated else at
        totals.updated = at
        self.changed = True
