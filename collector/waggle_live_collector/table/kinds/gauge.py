"""An author's gauges. The newest value is shown, judged by its age when it arrived."""

from __future__ import annotations

from typing import ClassVar, Self

from waggle_live.wire.protocol import GAUGE

from ... import messages
from ...clock import Seconds
from ...messages import NonFinite
from ..series import Applied, Arrival, Series, Stamp, Totals
from . import names


class GaugeCell(messages.Cell, tag=GAUGE):
    """The value of one process."""

    kind: ClassVar[str] = GAUGE
    value: float | NonFinite

    def first(self) -> AppliedGauge:
        """Return the empty row of a series that is new to its process; raises ProtocolError."""
        return AppliedGauge(*names.of_author(self))


class AppliedGauge(Applied, tag=GAUGE):
    """The value of one process as sent, since JSON has no NaN, and its monotonic time."""

    value: float | NonFinite = 0.0
    at: Seconds = 0.0

    def totals(self) -> GaugeTotals:
        """Return the totals of a new series."""
        return GaugeTotals(self.name, self.key.labels)


class GaugeTotals(Totals, tag=GAUGE):
    """The newest value of disconnected processes. Connected ones have theirs in their rows."""

    ended: float | NonFinite | None = None
    ended_at: Seconds = 0.0
    updated: Seconds = 0.0

    def series(self, stamp: Stamp) -> GaugeSeries:
        """Return the series that counts in this row."""
        return GaugeSeries(self, stamp)


class GaugeSeries(Series):
    """The newest value of a connected process, or of a disconnected one if none is connected."""

    __slots__ = ("connected",)
    totals: GaugeTotals

    def __init__(self, totals: GaugeTotals, stamp: Stamp) -> None:
        super().__init__(totals, stamp)
        self.connected: dict[str, AppliedGauge] = {}

    def take(self, applied: AppliedGauge, cell: GaugeCell, arrival: Arrival) -> None:
        """Take the value of a process."""
        applied.value, applied.at = cell.value, arrival.at - cell.age
        self.attach(arrival.process, applied)

    def attach(self, process: str, applied: AppliedGauge) -> None:
        """Consider the value of a connected process."""
        self.connected[process] = applied
        self.stamp.raise_to(applied.at)
        self.totals.updated = self.stamp.at

    def detach(self, process: str) -> None:
        """Keep the value of a process that disconnected, to show while no connected one has any."""
        applied = self.connected.pop(process, None)
        if applied is not None:
            self._keep(applied.value, applied.at)

    def merge(self, other: Self, now: float) -> None:
        """Take in the values of another gauge."""
        super().merge(other, now)
        if other.totals.ended is not None:
            self._keep(other.totals.ended, other.totals.ended_at)
        self.connected.update(other.connected)

    def value(self) -> float | None:
        """Return the value to show; None if there is none."""
        connected = self.connected
        if len(connected) == 1:  # nearly always
            (newest,) = connected.values()
            return float(newest.value)
        if connected:
            return float(max(connected.values(), key=lambda applied: applied.at).value)
        return None if self.totals.ended is None else float(self.totals.ended)

    def _keep(self, value: float | NonFinite, at: float) -> None:
        totals = self.totals
        if totals.ended is None or at >= totals.ended_at:
            totals.ended, totals.ended_at = value, at
