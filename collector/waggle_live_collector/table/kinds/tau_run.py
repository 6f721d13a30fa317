"""Runs under TAU: what the client left out of TAU's profiles, and when the last one was written."""

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
    """The run of one process. ``age`` is that of TAU's last dump.

    ``dropped``: functions without a series. ``torn``: profiles that were read half-written.
    """

    kind: ClassVar[str] = TAU
    name: str = ""
    dropped: Whole = 0
    torn: Whole = 0

    def first(self) -> TauRunRow:
        """Return the empty row of a series that is new to its process; raises ProtocolError."""
        return TauRunRow(names.nameless(self), ())


class TauRunRow(Applied, tag=TAU):
    """What was applied of one process. The totals over all runs are such a row too.

    ``dumped_at``: when the newest dump was written, in monotonic seconds; only in the totals.
    """

    is_authored: ClassVar[bool] = False
    dropped: Whole = 0
    torn: Whole = 0
    dumped_at: Seconds | None = None

    @property
    def is_bounded(self) -> bool:
        """Whether a process can have only a few of these: it has one."""
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
