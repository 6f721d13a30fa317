"""Timers with a ``sync``, for work that goes on after its call returns, as on a GPU."""

from typing import Any, Callable, Dict, List, Tuple, cast

from ..native import Native
from ..wire.errors import describe
from ..wire.protocol import SYNC_ERROR
from .decorate import decorate
from .reentrancy import DEFAULT_MAX_OPEN
from .timer import Function, Span, Timer

Sync = Callable[[], Any]


class DeviceTimer(Timer):
    """A timer that calls the author's ``sync`` before each reading of the clock.

    It wraps a timer of the series. An author may write a new lambda at each call, which must not
    cost a new class each time. Errors of ``sync`` are counted as ``sync_error`` and logged once;
    they never reach the plugin.
    """

    __slots__ = ("_exits", "_sync", "_timer")

    def __init__(self, timer: Timer, sync: Sync) -> None:
        self._timer = timer
        self._sync = sync
        # Looked up at the entry, as a with statement does: see the module timer about forks.
        self._exits: List[Any] = []

    def __enter__(self) -> "DeviceTimer":
        self._synchronize()
        del self._exits[:-DEFAULT_MAX_OPEN]  # blocks that were never left
        self._exits.append(self._timer.__exit__)
        self._timer.__enter__()
        return self

    def __exit__(self, exc_type: Any, exc: Any, traceback: Any) -> None:
        self._synchronize()
        leave = self._exits.pop() if self._exits else self._timer.__exit__
        leave(exc_type, exc, traceback)

    def start(self) -> Span:
        self._synchronize()
        return _DeviceSpan(self._timer.start(), self)

    def observe(self, seconds: Any) -> None:
        """Record a duration measured elsewhere, as ``Timer.observe``. Doesn't call ``sync``.

        ``seconds``: 0 to 1e9. Raises InvalidType for what is no number, InvalidMetric out of range.
        """
        self._timer.observe(seconds)

    def __call__(self, function: Function) -> Function:
        return cast(Function, decorate(function, _DeviceSeries(self)))

    def __reduce__(self) -> Tuple[Any, ...]:
        return DeviceTimer, (self._timer, self._sync)

    def __copy__(self) -> "DeviceTimer":
        return DeviceTimer(self._timer._series.make(), self._sync)

    def __deepcopy__(self, memo: Dict[int, Any]) -> "DeviceTimer":
        return self.__copy__()  # shares the sync, which may be a method of a device

    @property
    def _start(self) -> Any:
        """The start of the wrapped timer. A decorator moves it."""
        return self._timer._start

    @_start.setter
    def _start(self, start: Any) -> None:
        self._timer._start = start

    def _clock(self) -> int:
        self._synchronize()
        return Native.perf_counter_ns()

    def _synchronize(self) -> None:
        """Call the author's ``sync``, and keep its errors from the plugin."""
        try:
            self._sync()
        except Exception as error:
            self._timer._series.problems.count(SYNC_ERROR, "sync raised " + describe(error))


class _DeviceSeries:
    """The part of a series that a decorator uses, with the device timer's clock and timers."""

    def __init__(self, timer: DeviceTimer) -> None:
        self._timer = timer
        self.clock = timer._clock

    def make(self) -> DeviceTimer:
        """Return a new timer of the same series and ``sync``."""
        return DeviceTimer(self._timer._timer._series.make(), self._timer._sync)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._timer._timer._series, name)

    def __reduce__(self) -> Tuple[Any, ...]:
        return _DeviceSeries, (self._timer,)


class _DeviceSpan(Span):
    __slots__ = ("_span", "_timer")

    def __init__(self, span: Span, timer: DeviceTimer) -> None:
        self._span = span
        self._timer = timer

    def stop(self) -> None:
        self._timer._synchronize()
        self._span.stop()
