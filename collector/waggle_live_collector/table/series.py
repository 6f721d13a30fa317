"""The merged series: what all processes of one plugin, dead or alive, add up to.

A series takes in cells, one process at a time, and adds the difference to what it holds of
that process (``held.py``). A cell that would let a total fall is refused as a whole, before
anything is changed. ``totals`` is what the state file keeps; the rest lives in memory only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from waggle_live.wire.errors import ProtocolError
from waggle_live.wire.histogram import BUCKETS_PER_DOUBLING, MAX_INDEX, MIN_INDEX
from waggle_live.wire.protocol import Labels, decode_number, encode_number

from ..messages import CountCell, CounterCell, GaugeCell, RateCell, TimerCell, number
from .exact_sum import ExactSum
from .held import HeldCount, HeldCounter, HeldGauge, HeldRate, HeldTimer
from .recent import Recent
from .tau_series import FunctionSeries, TauSeries
from .totals import CounterTotals, CountTotals, GaugeTotals, RateTotals, TimerTotals

if TYPE_CHECKING:
    from ..exposition.rendered import Lines, StampLine

#: The ``le`` bounds of the exposition in seconds: powers of two, so each is exactly a bucket
#: bound of the fine histogram; one more bin takes the rest, up to infinity.
BOUNDS = tuple(2.0**exponent for exponent in range(-13, 8))


def _bin(index: int) -> int:
    exponent = -(-index // BUCKETS_PER_DOUBLING)  # of the bucket's upper bound, rounded up
    return min(max(exponent + 13, 0), len(BOUNDS))


#: One object for each index, for dicts to share: decoding makes new ones on every update.
_INDEXES = {index: index for index in range(MIN_INDEX, MAX_INDEX + 1)}
_BINS = [_bin(index) for index in range(MIN_INDEX, MAX_INDEX + 1)]


#: Of a stamp that no cell has set yet.
NEVER = float("-inf")


class Arrival(NamedTuple):
    """When and from whom cells arrived."""

    #: The collector's monotonic clock, now.
    at: float
    #: Seconds in which the differences came about; None: unknown, take a baseline only.
    gap: float | None
    #: Id of the process that reports.
    process: str


class Stamp:
    """When a name was last updated; shared by series of several kinds under one name."""

    __slots__ = ("at", "labels", "line", "name")

    def __init__(self, name: str, labels: Labels) -> None:
        self.name = name
        self.labels = labels
        self.at = NEVER
        #: Belongs to the exposition.
        self.line: StampLine | None = None


def _fell() -> ProtocolError:
    return ProtocolError("bad_cell", "a cumulative value is lower than it was before")


class _Series:
    """What all kinds share: ``changed`` and ``lines`` belong to the exposition."""

    __slots__ = ("changed", "lines", "stamp")

    def __init__(self, stamp: Stamp) -> None:
        self.stamp = stamp
        self.changed = True
        self.lines: Lines | None = None


class TimerSeries(_Series):
    """Durations of blocks."""

    __slots__ = ("recent", "totals")

    def __init__(self, totals: TimerTotals, stamp: Stamp) -> None:
        super().__init__(stamp)
        self.totals = totals
        if not totals.bins:
            totals.bins = [0] * (len(BOUNDS) + 1)
        self.recent = Recent()

    def take(self, held: HeldTimer, cell: TimerCell, moment: Arrival) -> None:
        """Count what is new in ``cell``."""
        count, total = cell.count - held.count, cell.sum - held.sum
        failures = cell.failures - held.failures
        if count < 0 or total < 0 or failures < 0:
            raise _fell()
        fine = held.buckets
        new: dict[int, int] = {}
        for decoded, n in cell.buckets:
            if n != (before := fine.get(decoded, 0)):
                index = _INDEXES.get(decoded)
                if index is None or n < before:
                    raise ProtocolError("bad_cell", f"bucket {decoded} fell or is out of range")
                new[index] = n - before
        if sum(new.values()) != count:
            raise ProtocolError("bad_cell", "the buckets don't add up to the count")
        totals = self.totals
        bins = totals.bins
        for index, n in new.items():
            fine[index] = fine.get(index, 0) + n
            bins[_BINS[index - MIN_INDEX]] += n
        held.count, held.sum, held.failures = cell.count, cell.sum, cell.failures
        totals.count += count
        totals.sum += total
        totals.failures += failures
        _note(self, cell, moment, count)
        if moment.gap is None:
            self.recent.baseline(moment.at)
        elif count:
            self.recent.add(moment.at, moment.gap, count, total, new)


class RateSeries(_Series):
    """Events, ticked or as blocks."""

    __slots__ = ("recent", "totals")

    def __init__(self, totals: RateTotals, stamp: Stamp) -> None:
        super().__init__(stamp)
        self.totals = totals
        self.recent = Recent()

    def take(self, held: HeldRate, cell: RateCell, moment: Arrival) -> None:
        """Count what is new in ``cell``."""
        count, total = cell.count - held.count, (cell.sum or 0) - held.sum
        if count < 0 or total < 0:
            raise _fell()
        held.count, held.sum = cell.count, cell.sum or 0
        totals = self.totals
        totals.count += count
        totals.sum += total
        totals.block = totals.block or cell.sum is not None
        _note(self, cell, moment, count)
        if moment.gap is None:
            self.recent.baseline(moment.at)
        elif count:
            self.recent.add(moment.at, moment.gap, count, total, {})

    def per_second(self, now: float) -> float:
        """Return events per second over the window; of blocks, 1 / their mean duration."""
        recent = self.recent
        if self.totals.block and recent.count:
            # A block can take 0 ns by a coarse clock; its resolution is the least it took.
            return 1e9 * recent.count / max(recent.sum, recent.count)
        return recent.per_second(now)

    def last_per_second(self) -> float | None:
        """Return the rate by the last event or block alone; None while there is none."""
        last = self.totals.last
        return None if last is None else 1e9 / max(last, 1)


class GaugeSeries(_Series):
    """The newest value: of a live process, else of one that ended."""

    __slots__ = ("live", "totals")

    def __init__(self, totals: GaugeTotals, stamp: Stamp) -> None:
        super().__init__(stamp)
        self.totals = totals
        self.live: dict[str, HeldGauge] = {}

    def take(self, held: HeldGauge, cell: GaugeCell, moment: Arrival) -> None:
        """Show the cell's value if no live process has set a newer one."""
        held.value, held.at = encode_number(number(cell.value)), moment.at - cell.age
        self.attach(moment.process, held)

    def attach(self, process: str, held: HeldGauge) -> None:
        """Count the value as one of a live process."""
        self.live[process] = held
        self.totals.updated = self.stamp.at = max(self.stamp.at, held.at)
        self.changed = True

    def detach(self, process: str) -> None:
        """The process ended: keep its value for as long as no live process has one."""
        held = self.live.pop(process, None)
        totals = self.totals
        if held is not None and (totals.ended is None or held.at >= totals.ended_at):
            totals.ended, totals.ended_at = held.value, held.at
        self.changed = True

    def value(self) -> float | None:
        """Return the value to show."""
        live = self.live
        if len(live) == 1:  # as nearly always
            (newest,) = live.values()
            return decode_number(newest.value)
        if live:
            return decode_number(max(live.values(), key=lambda held: held.at).value)
        return None if self.totals.ended is None else decode_number(self.totals.ended)


class CounterSeries(_Series):
    """An author's counter."""

    __slots__ = ("_sum", "totals")

    def __init__(self, totals: CounterTotals, stamp: Stamp) -> None:
        super().__init__(stamp)
        self.totals = totals
        self._sum = ExactSum(totals.parts)

    def take(self, held: HeldCounter, cell: CounterCell, moment: Arrival) -> None:
        """Count what is new in ``cell``."""
        if cell.value < held.value:
            raise _fell()
        if cell.value != held.value or not self.totals.updated:
            self._sum.change(held.value, cell.value)
            held.value = cell.value
            self.totals.updated = self.stamp.at = max(self.stamp.at, moment.at - cell.age)
            self.changed = True

    def value(self) -> float:
        """Return the sum over all processes."""
        return self._sum.value()


class CountSeries(_Series):
    """What clients count by themselves: messages, uploads, problems."""

    __slots__ = ("totals",)

    def __init__(self, totals: CountTotals, stamp: Stamp) -> None:
        super().__init__(stamp)
        self.totals = totals

    def take(self, held: HeldCount, cell: CountCell, moment: Arrival) -> None:
        """Count what is new in ``cell``."""
        if cell.value < held.value:
            raise _fell()
        self.totals.value += cell.value - held.value
        held.value = cell.value
        self.totals.updated = moment.at - cell.age
        self.changed = True

    def value(self) -> int:
        """Return the sum over all processes."""
        return self.totals.value


def _note(
    series: TimerSeries | RateSeries, cell: TimerCell | RateCell, moment: Arrival, count: int
) -> None:
    """Keep the newest ``last`` and the time of the update; a repeated cell is no update."""
    totals, at = series.totals, moment.at - cell.age
    if cell.last is not None and (totals.last is None or (count and at >= totals.last_at)):
        totals.last, totals.last_at = cell.last, at
    if count or not totals.updated:
        totals.updated = series.stamp.at = max(series.stamp.at, at)
        series.changed = True


Series = (
    TimerSeries
    | RateSeries
    | GaugeSeries
    | CounterSeries
    | CountSeries
    | FunctionSeries
    | TauSeries
)
