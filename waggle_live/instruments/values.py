"""Gauges and counters: the author's own numbers, taken by ``float()``."""

from typing import Any, Callable, Optional

from ..clock import perf_counter_ns
from ..series.state import FOLD_AT, MAX_VALUE, CounterCell, GaugeCell
from ..wire.errors import InvalidMetric, InvalidType


def to_float(value: Any, what: str, name: str) -> float:
    """Return ``float(value)``; a str or what float() refuses raises, saying ``what % name``."""
    if not isinstance(value, (str, bytes)):
        try:
            return float(value)
        except (TypeError, ValueError):
            pass
        except OverflowError:
            raise InvalidMetric(what % name + " is too large for a float") from None
    raise InvalidType(
        "%s must be a number that float() takes, got %s: %.60r"
        % (what % name, type(value).__name__, value)
    )


class Gauge:
    """A value that goes up and down. Safe for threads; the newest ``set`` stands.

    NaN and infinities are allowed. Over several processes of one plugin the newest value, by
    its age when it reaches the collector, is shown.
    """

    __slots__ = ("_cell",)

    def __init__(self, cell: GaugeCell) -> None:
        self._cell = cell

    def set(self, value: float) -> None:
        """Set the gauge to ``float(value)``; raises InvalidType for what is no number."""
        cell = self._cell
        if type(value) is not float:
            value = to_float(value, "value of gauge %r", cell.name)
        cell.append((perf_counter_ns(), value))
        if len(cell.buffer) > FOLD_AT:
            cell.fold()

    def inc(self, amount: float = 1) -> None:
        """Add ``float(amount)``; exact over threads of this process."""
        self._add(to_float(amount, "amount for gauge %r", self._cell.name))

    def dec(self, amount: float = 1) -> None:
        """Subtract ``float(amount)``; exact over threads of this process."""
        self._add(-to_float(amount, "amount for gauge %r", self._cell.name))

    def set_function(self, function: Optional[Callable[[], float]]) -> None:
        """Take the value from ``function()`` before each send, in the sender's thread.

        It should be quick, for it delays what else is sent. If it raises, the value stays and
        the error is counted and logged once. None goes back to ``set``.
        """
        if function is not None and not callable(function):
            raise InvalidType("set_function takes a function or None, got %.60r" % (function,))
        self._cell.function = function

    def _add(self, delta: float) -> None:
        cell = self._cell
        cell.append((perf_counter_ns(), delta, True))
        if len(cell.buffer) > FOLD_AT:
            cell.fold()


class Counter:
    """A sum that only rises, as in Prometheus. Safe for threads; integers add up exactly."""

    __slots__ = ("_cell",)

    def __init__(self, cell: CounterCell) -> None:
        self._cell = cell

    def inc(self, amount: float = 1) -> None:
        """Add ``amount``, finite and not negative; raises InvalidMetric or InvalidType."""
        if type(amount) is not int:
            amount = to_float(amount, "amount for counter %r", self._cell.name)
        if not 0 <= amount <= MAX_VALUE:
            raise InvalidMetric(
                "a counter only rises: the amount for %r must be finite and >= 0, got %.60r"
                % (self._cell.name, amount)
            )
        cell = self._cell
        cell.append(amount)
        if len(cell.buffer) > FOLD_AT:
            cell.fold()
