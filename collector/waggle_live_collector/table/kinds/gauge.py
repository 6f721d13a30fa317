"""Gauges: values that go up and down. The newest is shown, by its age at arrival."""

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
        """Return the row of a series that is new to its process; raises ProtocolError."""
        return AppliedGauge(*names.of_author(self))


class AppliedGauge(Applied, tag=GAUGE):
    """The value of one process as it came, for JSON has no NaN; set at the monotonic ``at``."""

    value: float | NonFinite = 0.0
    at: Seconds = 0.0

    def totals(self) -> GaugeTotals:
        """Return the totals of a new series."""
        return GaugeTotals(self.name, self.key.labels)


class GaugeTotals(Totals, tag=GAUGE):
    """What disconnected processes left behind; the values of connected ones are in their rows."""

    ended: float | NonFinite | None = None
    ended_at: Seconds = 0.0
    updated: Seconds = 0.0

    def series(self, stamp: Stamp) -> GaugeSeries:
        """Return the series that counts in this row."""
        return GaugeSeries(self, stamp)


class GaugeSeries(Series):
    """The newest value: of a connected process, else of one that disconnected."""

    __slots__ = ("connected",)
    totals: GaugeTotals

    def __init__(self, totals: GaugeTotals, stamp: Stamp) -> None:
        super().__init__(totals, stamp)
        self.connected: dict[str, AppliedGauge] = {}

    def take(self, applied: AppliedGauge, cell: GaugeCell, arrival: Arrival) -> None:
        """Show the cell's value if no connected process has set a newer one."""
        applied.value, applied.at = cell.value, arrival.at - cell.age
        self.attach(arrival.process, applied)

    def attach(self, process: str, applied: AppliedGauge) -> None:
        """Take the value of a connected process into account."""
        self.connected[process] = applied
        self.stamp.raise_to(applied.at)
        self.totals.updated = self.stamp.at

    def detach(self, process: str) -> None:
        """Keep the value of a process that left for as long as no connected one has any."""
        applied = self.connected.pop(process, None)
        if applied is not None:
            self._keep(applied.value, applied.at)

    def merge(self, other: Self, now: float) -> None:
        """Take all that another gauge knows."""
        super().merge(other, now)
        if other.totals.ended is not None:
            self._keep(other.totals.ended, other.totals.ended_at)
        self.connected.update(other.connected)

    def value(self) -> float | None:
        """Return the value to show; None where no process has told any."""
        connected = self.connected
        if len(connected) == 1:  # as nearly always
            (newest,) = connected.values()
            return float(newest.value)
        if connected:
            return float(max(connected.values(), key=lambda applied: applied.at).value)
        return None if self.totals.ended is None else float(self.totals.ended)

    def _keep(self, value: float | NonFinite, at: float) -> None:
        totals = self.totals
        if totals.ended is None or at >= totals.ended_at:
            totals.ended, totals.ended_at = value, at
