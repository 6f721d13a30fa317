"""Counters: sums that only rise."""

from typing import Any, Tuple

from ..series.counter import MAX_VALUE, CounterState
from ..series.problems import Problems
from ..series.state import FOLD_AT
from ..wire.errors import InvalidMetric, describe
from .number import Number, to_float


class Counter:
    """A sum that only rises, as in Prometheus. Thread-safe; integers add up exactly.

    A copy is the same counter. Unpickled in another process, it is that process's counter. A killed
    process loses at most its last 0.25 s.
    """

    __slots__ = ("_state",)

    def __init__(self, state: CounterState, problems: Problems) -> None:
        self._state = state

    def __reduce__(self) -> Tuple[Any, ...]:
        return self._state.registry.instrument_of, self._state.key

    def inc(self, amount: Number = 1) -> None:
        """Add ``amount``: what float() takes, finite and not negative. Never blocks.

        Raises InvalidMetric for a negative or infinite amount, InvalidType for what is no number.
        """
        if type(amount) is not int:
            amount = to_float(amount, "amount for counter %r", self._state.name)
        if not 0 <= amount <= MAX_VALUE:
            raise InvalidMetric(
                "a counter only rises: the amount for %r must be finite and >= 0, got %s"
                % (self._state.name, describe(amount))
            )
        state = self._state
        state.append(amount)
        if len(state.buffer) > FOLD_AT:
            state.fold()
