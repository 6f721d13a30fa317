"""Runs under TAU: what their reader left out, and when it last read."""

from __future__ import annotations

from typing import ClassVar, Self

from waggle_live.wire.protocol import TAU

from ... import messages
from ...messages import Whole
from ..series import Applied, Arrival, Series, Stamp, Totals, fell
from . import names


class TauRunCell(messages.Cell, tag=TAU):
    """A run; ``age`` is that of its last dump."""

    kind: ClassVar[str] = TAU
    name: str = ""
    dropped: Whole = 0
    torn: Whole = 0

    def first(self) -> AppliedTauRun:
        """Return the empty row of a series that is new to its process; raises ProtocolError."""
        return AppliedTauRun(names.nameless(self), ())


class AppliedTauRun(Applied, tag=TAU):
    """What was applied of one process."""

    kind: ClassVar[str] = TAU
    dropped: int = 0
    torn: int = 0

    @property
    def is_bounded(self) -> bool:
        """Say yes: a process has one."""
        return True

    def totals(self) -> TauRunTotals:
        """Return the totals of a new series."""
        return TauRunTotals("", ())


class TauRunTotals(Totals, tag=TAU):
    """All runs of a plugin; ``dumped_at``: when the newest dump of any was made."""

    kind: ClassVar[str] = TAU
    is_authored: ClassVar[bool] = False
    dropped: int = 0
    torn: int = 0
    dumped_at: float = 0.0
    updated: float = 0.0

    def shift(self, seconds: float) -> None:
        """Move the monotonic times of a row that was written by another clock."""
        super().shift(seconds)
        self.dumped_at += seconds

    def series(self, stamp: Stamp) -> TauRunSeries:
        """Return the series that counts in this row."""
        return TauRunSeries(self, stamp)


class TauRunSeries(Series):
    """The runs of one plugin."""

    __slots__ = ()
    totals: TauRunTotals

    def take(self, applied: AppliedTauRun, cell: TauRunCell, arrival: Arrival) -> None:
        """Count what is new in ``cell``; raises ProtocolError (``bad_cell``)."""
        if cell.dropped < applied.dropped or cell.torn < applied.torn:
            raise fell()
        totals, at = self.totals, arrival.at - cell.age
        totals.dropped += cell.dropped - applied.dropped
        totals.torn += cell.torn - applied.torn
        applied.dropped, applied.torn = cell.dropped, cell.torn
        totals.dumped_at = max(totals.dumped_at, at) if totals.updated else at
        totals.updated = at
        self.version += 1

    def merge(self, other: Self, now: float) -> None:
        """Add what another plugin's runs left out."""
        super().merge(other, now)
        totals, more = self.totals, other.totals
        totals.dropped += more.dropped
        totals.torn += more.torn
        totals.dumped_at = max(totals.dumped_at, more.dumped_at)
