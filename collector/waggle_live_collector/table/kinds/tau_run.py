"""Runs under TAU: what their reader left out, and when it last read."""

from __future__ import annotations

from typing import ClassVar, Self

from waggle_live.wire.protocol import TAU

from ... import messages
from ...clock import Seconds
from ...messages import Whole
from ..series import Applied, Arrival, Stamp
from . import names
from .summed import SummedSeries


class TauRunCell(messages.Cell, tag=TAU):
    """A run; ``age`` is that of its last dump."""

    kind: ClassVar[str] = TAU
    name: str = ""
    dropped: Whole = 0
    torn: Whole = 0

    def first(self) -> TauRunRow:
        """Return the empty row of a series that is new to its process; raises ProtocolError."""
        return TauRunRow(names.nameless(self), ())


class TauRunRow(Applied, tag=TAU):
    """What was applied of one process, and the sums over all runs of a plugin.

    ``dumped_at``, of the sums alone: when the newest dump of any was made.
    """

    is_authored: ClassVar[bool] = False
    dropped: Whole = 0
    torn: Whole = 0
    dumped_at: Seconds | None = None

    @property
    def is_bounded(self) -> bool:
        """Say yes: a process has one."""
        return True

    def totals(self) -> TauRunRow:
        """Return the totals of a new series."""
        return TauRunRow("", ())

    def series(self, stamp: Stamp) -> TauRunSeries:
        """Return the series that counts in this row."""
        return TauRunSeries(self, stamp)


class TauRunSeries(SummedSeries):
    """The runs of one plugin."""

    __slots__ = ()
    sums = ("dropped", "torn")
    totals: TauRunRow

    def take(self, applied: TauRunRow, cell: TauRunCell, arrival: Arrival) -> None:
        """Count what is new in ``cell``; raises ProtocolError (``bad_cell``)."""
        super().take(applied, cell, arrival)
        self._dumped(arrival.at - cell.age)

    def merge(self, other: Self, now: float) -> None:
        """Add what another plugin's runs left out."""
        super().merge(other, now)
        if other.totals.dumped_at is not None:
            self._dumped(other.totals.dumped_at)

    def _dumped(self, at: float) -> None:
        last = self.totals.dumped_at
        self.totals.dumped_at = at if last is None else max(last, at)
