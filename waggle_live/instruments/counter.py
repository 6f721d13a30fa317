"""Counters: a sum that only rises."""

from ..series.counter import MAX_VALUE, CounterState
from ..series.problems import Problems
from ..series.state import FOLD_AT
from ..wire.errors import InvalidMetric
from .number import to_float


class Counter:
    """A sum that only rises, as in Prometheus. Safe for threads; integers add up exactly."""

    __slots__ = ("_state",)

    def __init__(self, state: CounterState, problems: Problems) -> None:
        self._state = state

    def inc(self, amount: float = 1) -> None:
        """Add ``amount``, finite and not negative; raises InvalidMetric or InvalidType."""
        if type(amount) is not int:
            amount = to_float(amount, "amount for counter %r", self._state.name)
        if not 0 <= amount <= MAX_VALUE:
            raise InvalidMetric(
                "a counter only rises: the amount for %r must be finite and >= 0, got %.60r"
                % (self._state.name, amount)
            )
        state = self._state
        state.append(amount)
        if len(state.buffer) > FOLD_AT:
            state.fold()
