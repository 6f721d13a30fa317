"""The hot path of timers: two clock reads and one append around a block.

Each series has a class of its own, a subclass of :class:`Timer`, whose methods are closures over
the series' buffer. ``live.timer("x")`` makes an object of that class. If a kept object is entered
again while it is open, it takes the slow path of :mod:`waggle_live.instruments.reentrancy`.

After a fork the child binds the classes anew, to new buffers. A ``with`` statement looks its
``__exit__`` up when it is entered. So a block open at the fork appends to an old buffer, which the
child doesn't read: it counts in the parent only.
"""

from typing import Any, Callable, Dict, Tuple, Type, TypeVar, Union, cast

from ..native import Native
from ..series.problems import Problems
from ..series.rate import RateState
from ..series.state import FOLD_AT
from ..series.timer import TimerState
from ..wire.errors import InvalidMetric, InvalidType
from ..wire.protocol import UNMATCHED_STOP
from .decorate import decorate
from .number import to_float
from .reentrancy import Reentries, Unmeasured

Function = TypeVar("Function", bound=Callable[..., Any])
TimerType = TypeVar("TimerType", bound="Timer")


#: The longest duration of ``observe``, 32 years: the sum of several still travels as an integer.
MAX_SECONDS = 1e9


class Span:
    """One running measurement, from ``Timer.start()``. Any thread may stop it. Can't be pickled."""

    __slots__ = ("_start",)
    _start: Any

    def stop(self) -> None:
        """End the measurement and record its duration.

        A second call records nothing; it is counted as ``unmatched_stop`` and logged once. Never
        blocks or raises.
        """
        raise NotImplementedError  # bound per series

    def __copy__(self) -> "Span":
        return self  # one measurement, recorded once

    def __deepcopy__(self, memo: Dict[int, Any]) -> "Span":
        return self

    def __reduce__(self) -> Tuple[Any, ...]:
        raise InvalidType(
            "a span can't be pickled: stop it in its own process, or pickle its timer"
        )


class Timer:
    """Measures how long a block, a function or a span takes.

    As a context manager: the clock starts at ``__enter__``. As a decorator: of functions, methods,
    generators (the time inside their resumes), coroutines and async generators. As ``span =
    timer.start()`` and ``span.stop()``. A block that raises is measured too and counted as a
    failure; its exception goes on unchanged.

    Thread-safe: may be kept and used again, from any thread, in recursion, generators, greenlets
    and tasks of any framework. Keeping it is the fastest form. Never blocks, and never raises
    because of the collector. ``__enter__`` and ``__exit__`` called by hand while it is in use end
    last in first out, per generator, task, greenlet or thread.

    A copy is a timer of the same series, and not open. Unpickled in another process, it is that
    process's timer. A killed process loses at most its last 0.25 s.
    """

    __slots__ = ("_start",)
    #: None while idle, the clock's reading while open, a Reentered while in use more than once.
    _start: Any
    _series: "TimerSeries"

    def __enter__(self: TimerType) -> TimerType:
        raise NotImplementedError  # bound per series

    def __exit__(self, exc_type: Any, exc: Any, traceback: Any) -> None:
        raise NotImplementedError  # bound per series

    def start(self) -> Span:
        """Start a measurement and return it. Any number may run side by side. Never raises."""
        raise NotImplementedError  # bound per series

    def observe(self, seconds: Any) -> None:
        """Record a duration measured elsewhere, such as by a CUDA event or another process.

        ``seconds``: what ``float()`` takes, 0 to 1e9; recorded in whole nanoseconds. Raises
        InvalidType for what is no number, InvalidMetric for one out of range.
        """
        raise NotImplementedError  # bound per series

    def __call__(self, function: Function) -> Function:
        """Return ``function`` with each of its calls measured.

        A call that raises counts as a failure, also if its arguments don't fit. ``inspect`` sees of
        the result what it sees of ``function``. Raises InvalidType for what can't be called.
        """
        return cast(Function, decorate(function, self._series))

    def __reduce__(self) -> Tuple[Any, ...]:
        return self._series.make, ()


class TimerSeries:
    """Binds the classes of one series to its buffer, and again after a fork."""

    base: Type[Timer] = Timer

    clock = staticmethod(Native.perf_counter_ns)

    def __init__(self, state: Union[TimerState, RateState], problems: Problems) -> None:
        self.state = state
        self.problems = problems
        self.reentries = Reentries(problems)
        self.timer_class: Any = type(
            self.base.__name__,
            (self.base,),
            {"__slots__": (), "__doc__": self.base.__doc__, "_series": self},
        )
        self.bind()
        state.on_change = lambda anew: self.bind()

    def make(self) -> Timer:
        """Return a new :class:`Timer` (or Rate) of this series."""
        timer: Timer = self.timer_class()
        timer._start = None
        return timer

    def __reduce__(self) -> Tuple[Any, ...]:
        return self.state.registry.instrument_of, self.state.key

    def bind(self) -> None:
        """Define the hot methods over the present buffer."""
        state, clock, leave = self.state, self.clock, self._leave
        buffer, append, fold = state.buffer, state.append, state.fold
        reentries, problems = self.reentries, self.problems

        # No call between the check of a start and its change: threads could switch there.
        def __enter__(self: Timer) -> Timer:
            now = clock()
            if self._start is None:
                self._start = now
            else:
                reentries.enter(self, now)
            return self

        def __exit__(self: Timer, exc_type: Any, exc: Any, traceback: Any) -> None:
            if exc_type is None:
                # Checking the start first would cost each block. An error costs only the rare ones.
                try:
                    duration = clock() - self._start
                except Unmeasured:
                    leave(self, clock(), exc_type, buffer)
                except TypeError:
                    if self._start is not None:
                        raise  # raised by a signal handler, or by a clock in Python
                    leave(self, clock(), exc_type, buffer)
                else:
                    self._start = None
                    append(duration)
            else:
                leave(self, clock(), exc_type, buffer)
            if len(buffer) > FOLD_AT:
                fold()

        def start(_: Timer) -> Span:
            span: Span = span_class()
            span._start = clock()
            return span

        def stop(self: Span) -> None:
            try:
                duration = clock() - self._start
            except TypeError:
                if self._start is not None:
                    raise
                problems.count(UNMATCHED_STOP, "a span was stopped twice")
                return
            self._start = None
            append(duration)
            if len(buffer) > FOLD_AT:
                fold()

        def observe(_: Timer, seconds: Any) -> None:
            append(to_nanoseconds(seconds, state.name))
            if len(buffer) > FOLD_AT:
                fold()

        # A new class each time: a span started before a fork stays with the old buffer.
        body = {"__slots__": (), "__doc__": Span.__doc__, "stop": stop}
        span_class: Any = type("Span", (Span,), body)
        self.timer_class.__exit__ = __exit__
        self.install(__enter__, start, observe)

    def install(self, enter: Any, start: Any, observe: Any) -> None:
        """Put the methods in place that begin a measurement or record one."""
        self.timer_class.__enter__ = enter
        self.timer_class.start = start
        self.timer_class.observe = observe

    def append_failed(self, buffer: Any, duration: int, exc_type: Any) -> None:
        """Record a call that raised, in the ``buffer`` of the time when it began.

        It is no failure of this process if it began before a fork, in the parent.
        """
        if self.state.is_current(buffer):
            self.state.fail(exc_type)
        buffer.append(duration)

    def _leave(self, timer: Timer, end: int, exc_type: Any, buffer: Any) -> None:
        """Leave a block that raised, is one of several uses of its object, or was never entered.

        ``buffer`` is the one from the block's entry. After a fork nobody may read it any more.
        """
        start = self.reentries.exit(timer)
        if start is None:
            return
        if exc_type is not None:
            self.append_failed(buffer, end - start, exc_type)
        else:
            buffer.append(end - start)


def to_nanoseconds(seconds: Any, name: str) -> int:
    """Return seconds as nanoseconds. Raises InvalidType, or InvalidMetric out of 0 to 1e9."""
    value = to_float(seconds, "seconds of %r", name)
    if not 0 <= value <= MAX_SECONDS:
        raise InvalidMetric(
            "a duration of %r must be 0 to %g seconds, got %r" % (name, MAX_SECONDS, value)
        )
    return round(value * 1e9)
