"""The base of timers and rates: the newest duration, and a window of recent values."""

from typing import Any, Self

from ...messages import MAX_WHOLE
from ..recent import Recent
from ..series import Arrival, Series, Stamp, Totals


class WindowedSeries(Series):
    """A series of events. ``recent`` has those of the last ten seconds.

    Its totals have ``last`` (ns), ``last_at`` and ``updated`` (monotonic seconds).
    """

    __slots__ = ("recent",)
    is_windowed = True
    recent: Recent

    def __init__(self, totals: Totals, stamp: Stamp) -> None:
        super().__init__(totals, stamp)
        self.recent = Recent()

    def merge(self, other: Self, now: float) -> None:
        """Add another series, and keep the newer ``last``. Raises OverflowError."""
        totals, more = self.totals, other.totals
        if totals.count + more.count > MAX_WHOLE or totals.sum + more.sum > MAX_WHOLE:
            raise OverflowError
        super().merge(other, now)
        totals.count += more.count
        totals.sum += more.sum
        if more.last is not None and (totals.last is None or more.last_at >= totals.last_at):
            totals.last, totals.last_at = more.last, more.last_at
        self.recent.absorb(other.recent, now)

    def _count(
        self, arrival: Arrival, cell: Any, count: int, total: int, buckets: dict[int, int]
    ) -> None:
        """Add ``count`` events of ``total`` ns. Without events the cell is no update."""
        totals, at = self.totals, arrival.at - cell.age
        totals.count += count
        totals.sum += total
        if cell.last is not None and (totals.last is None or (count and at >= totals.last_at)):
            totals.last, totals.last_at = cell.last, at
        if count or not totals.updated:
            self.stamp.raise_to(at)
            totals.updated = self.stamp.at
        self.recent.add(arrival.at, arrival.gap, count, total, buckets)
