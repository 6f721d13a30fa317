"""Curves: one value of a series for each step, up to ten minutes back."""

from __future__ import annotations

from array import array
from math import nan
from typing import Any, ClassVar

from waggle_live.wire import protocol

from ..exposition.columns import mean, quantiles
from ..table.series import Key

#: Seconds of a step, and the steps of a curve.
STEP_SECONDS, LENGTH = 5, 120
#: Bytes that a curve takes when it is full: its object, and one array of values (a timer has two).
CURVE_BYTES, VALUES_BYTES = 150, 600
_P95 = 1


class Curve:
    """The values of one series, oldest first; the last one belongs to ``step``.

    They are single precision, and grow with each step until there are :data:`LENGTH` of them.
    NaN stands for no value. Each kind adds :meth:`read`.
    """

    __slots__ = ("key", "series", "step", "values")
    #: Bytes that it takes when it is full.
    size: ClassVar[int] = CURVE_BYTES + VALUES_BYTES

    def __init__(self, key: Key, series: Any) -> None:
        self.key = key
        self.series = series
        self.step = 0
        self.values = array("f")

    def rows(self) -> dict[str, array[float]]:
        """Return its arrays by their names in the JSON."""
        return {"values": self.values}

    def take(self, step: int, now: float, *, heard: bool) -> None:
        """Add the present value for a step after the last one; none if not ``heard``."""
        self._skip(step)
        _append(self.values, self.read(now) if heard else None)

    def read(self, now: float) -> float | None:
        """Return the present value; None if there is none."""
        raise NotImplementedError

    def _skip(self, step: int) -> None:
        """Fill missed steps with NaN."""
        if self.values:
            for _ in range(min(step - self.step - 1, LENGTH)):
                for row in self.rows().values():
                    _append(row, None)
        self.step = step


class TimerCurve(Curve):
    """The mean and the p95 of the last ten seconds."""

    __slots__ = ("p95",)
    size = CURVE_BYTES + 2 * VALUES_BYTES

    def __init__(self, key: Key, series: Any) -> None:
        super().__init__(key, series)
        self.p95 = array("f")

    def rows(self) -> dict[str, array[float]]:
        """Return means and p95."""
        return {"values": self.values, "p95": self.p95}

    def take(self, step: int, now: float, *, heard: bool) -> None:
        """Add mean and p95."""
        super().take(step, now, heard=heard)
        found = quantiles(self.series.recent.buckets) if heard else None
        _append(self.p95, found[_P95] if found else None)

    def read(self, now: float) -> float | None:
        """Return the mean."""
        self.series.recent.advance(now)
        return mean(self.series.recent)


class RateCurve(Curve):
    """Events per second of the last ten seconds; of blocks, 1 / their mean duration."""

    __slots__ = ()

    def read(self, now: float) -> float | None:
        """Return the rate."""
        recent = self.series.recent
        recent.advance(now)
        blocks: float | None = self.series.block_per_second(recent)
        return recent.per_second(now) if blocks is None else blocks


class CountCurve(Curve):
    """Messages, or uploads, per second of the last ten seconds."""

    __slots__ = ()

    def read(self, now: float) -> float | None:
        """Return the rate."""
        recent = self.series.recent
        recent.advance(now)
        rate: float | None = recent.per_second(now)
        return rate


class GaugeCurve(Curve):
    """The value of a gauge."""

    __slots__ = ()

    def read(self, now: float) -> float | None:
        """Return the value."""
        value: float | None = self.series.value()
        return value


class CounterCurve(Curve):
    """What a counter has risen by, per second of the step."""

    __slots__ = ("_at", "_total")

    def __init__(self, key: Key, series: Any) -> None:
        super().__init__(key, series)
        #: The total at the last step; None after a silence, whose rise belongs to no single step.
        self._total: float | None = None
        self._at = 0.0

    def take(self, step: int, now: float, *, heard: bool) -> None:
        """Add the rise since the step before."""
        super().take(step, now, heard=heard)
        self._total, self._at = (self.series.value(), now) if heard else (None, now)

    def read(self, now: float) -> float | None:
        """Return the rise per second since :meth:`take` was called."""
        if self._total is None or now - self._at > 2 * STEP_SECONDS:
            return None
        return float(self.series.value() - self._total) / (now - self._at)


class CpuCurve(Curve):
    """The CPU time of a plugin, as a share of one core."""

    __slots__ = ()

    def read(self, now: float) -> float | None:
        """Return the share."""
        share: float | None = self.series.cpu_per_second(now)
        return share


class MemoryCurve(Curve):
    """The memory of a plugin in bytes."""

    __slots__ = ()

    def read(self, now: float) -> float | None:
        """Return the bytes."""
        size: int | None = self.series.memory_bytes()
        return size


#: The curves of a series, by its kind; others have none.
OF_SERIES: dict[str, type[Curve]] = {
    protocol.TIMER: TimerCurve,
    protocol.RATE: RateCurve,
    protocol.GAUGE: GaugeCurve,
    protocol.COUNTER: CounterCurve,
    protocol.MESSAGES: CountCurve,
    protocol.UPLOADS: CountCurve,
}
#: The curves of a plugin itself, by what the JSON calls their kind.
OF_PLUGIN: dict[str, type[Curve]] = {"cpu": CpuCurve, "memory": MemoryCurve}


def _append(values: array[float], value: float | None) -> None:
    values.append(nan if value is None else value)
    if len(values) > LENGTH:
        del values[0]
