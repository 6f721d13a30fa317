"""Gauges: values that go up and down."""

from functools import partial
from typing import Any, Callable, Optional, Tuple

from ..native import Native
from ..series.gauge import GaugeState
from ..series.problems import Problems
from ..series.state import FOLD_AT, Record
from ..wire.errors import InvalidType, describe
from ..wire.protocol import RECORD_ERROR
from .number import Number, to_float


class Gauge:
    """A value that goes up and down. Thread-safe; the newest ``set`` counts.

    NaN and infinities are allowed. Of several processes of one plugin the newest value is shown, by
    its age on arrival at the collector. A copy is the same gauge. Unpickled in another process, it
    is that process's gauge, without its function. A killed process loses at most its last 0.25 s.
    """

    __slots__ = ("_problems", "_state")

    def __init__(self, state: GaugeState, problems: Problems) -> None:
        self._state = state
        self._problems = problems

    def __reduce__(self) -> Tuple[Any, ...]:
        return self._state.registry.instrument_of, self._state.key

    def set(self, value: Number) -> None:
        """Set the gauge to ``float(value)``. Never blocks.

        Raises InvalidType for what is no number, InvalidMetric for an int that is too large for a
        float.
        """
        state = self._state
        if type(value) is not float:
            value = to_float(value, "value of gauge %r", state.name)
        state.append((Native.perf_counter_ns(), value))
        if len(state.buffer) > FOLD_AT:
            state.fold()

    def inc(self, amount: Number = 1) -> None:
        """Add ``float(amount)``, exactly over threads. Raises as :meth:`set`."""
        self._add(to_float(amount, "amount for gauge %r", self._state.name))

    def dec(self, amount: Number = 1) -> None:
        """Subtract ``float(amount)``, exactly over threads. Raises as :meth:`set`."""
        self._add(-to_float(amount, "amount for gauge %r", self._state.name))

    def set_function(self, function: Optional[Callable[[], Number]]) -> None:
        """Take the value from ``function()`` before each send; None goes back to ``set``.

        All functions of a process are called in one thread, so a slow one delays the values of the
        others. If one raises, returns no number or takes over 5 seconds, the old value stays. That
        is counted as ``record_error`` and logged once per gauge. ``flush`` and the session's end
        wait at most 0.25 s for it.

        The thread takes no signals, and programs that it starts by ``subprocess`` inherit that: end
        them by ``kill``. Raises InvalidType for what can't be called.
        """
        if function is not None and not callable(function):
            raise InvalidType(
                "set_function of gauge %r takes a function or None, got %s"
                % (self._state.name, describe(function))
            )
        if function is None:
            self._state.sample = None
            return
        taken = function

        def sample() -> Record:
            try:
                value = to_float(taken(), "value of gauge %r", self._state.name)
            except BaseException as error:  # SystemExit too, which would end the thread
                text = "gauge %r: %s" % (self._state.name, describe(error))
                return partial(self._problems.count, RECORD_ERROR, text, self._state.name)
            entry = (Native.perf_counter_ns(), value)
            return lambda: self._state.append(entry)

        self._state.sample = sample
        if self._state.begin is not None:
            self._state.begin()

    def _add(self, delta: float) -> None:
        state = self._state
        state.append((Native.perf_counter_ns(), delta, True))
        if len(state.buffer) > FOLD_AT:
            state.fold()
