"""The hot path of timers: two clock reads and one append around a block.

Each series has a class of its own, a subclass of :class:`Timer`, whose methods are closures
over the series' buffer. ``live.timer("x")`` makes an object of that class. A kept object that is
entered again while it is still open takes the slow path of
:mod:`waggle_live.instruments.reentrancy`.

After a fork the child binds the classes anew, to new buffers. Methods that were looked up before
the fork (a ``with`` statement looks its ``__exit__`` up when it is entered) still append to the
old ones, which nobody reads: so a span open at the fork counts in the parent only.
"""

from typing import Any, Callable, Optional, Type, TypeVar, Union, cast

from ..native import Native
from ..series.problems import Problems
from ..series.rate import RateState
from ..series.state import FOLD_AT, came_out_of_a_call
from ..series.timer import TimerState
from ..wire.protocol import UNMATCHED_STOP
from .decorate import decorate
from .reentrancy import Reentries

Function = TypeVar("Function", bound=Callable[..., Any])


class Span:
    """One running measurement, from ``Timer.start()``; ``stop()`` may be called by any thread."""

    __slots__ = ("_start",)
    _start: Optional[int]

    def stop(self) -> None:
        """End the measurement and record its duration. A second call records nothing."""
        raise NotImplementedError  # bound per series


class Timer:
    """Measures how long a block, a function or a span takes.

    As a context manager: the clock starts at ``__enter__``. As a decorator: of functions,
    methods, generators (the time inside their resumes), coroutines and async generators. As
    ``span = timer.start()`` and ``span.stop()``. A block that raises is measured too and counted
    as a failure; its exception goes on unchanged.

    May be kept and used again, from any thread, in recursion and in asyncio tasks; never blocks,
    and never raises because of the collector. Keeping it is the fastest form.
    """

    __slots__ = ("_start",)
    #: None while idle, the clock's reading while open, a Reentered while in use more than once.
    _start: Any
    _series: "TimerSeries"

    def __enter__(self) -> "Timer":
        raise NotImplementedError  # bound per series

    def __exit__(self, exc_type: Any, exc: Any, traceback: Any) -> None:
        raise NotImplementedError  # bound per series

    def start(self) -> Span:
        """Start a measurement of its own and return it; any number may run side by side."""
        raise NotImplementedError  # bound per series

    def __call__(self, function: Function) -> Function:
        """Return ``function`` with each of its calls measured."""
        return cast(Function, decorate(function, self._series))


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
        state.on_change = self.rebind

    def make(self) -> Timer:
        """Return a new :class:`Timer` (or Rate) of this series."""
        timer: Timer = self.timer_class()
        timer._start = None
        return timer

    def bind(self) -> None:
        """(Re)define the hot methods over the present buffer."""
        state, clock, leave = self.state, self.clock, self._leave
        buffer, append, fold = state.buffer, state.append, state.fold
        reentries, opened, problems = self.reentries, self.reentries.starts, self.problems

        # No call between the look at a start and its change: threads could change places there.
        def __enter__(self: Timer) -> Timer:
            now = clock()
            if self._start is None:
                self._start = now
            else:
                reentries.enter(self, now)
            return self

        def __exit__(self: Timer, exc_type: Any, exc: Any, traceback: Any) -> None:
            if exc_type is None:
                try:
                    duration = clock() - self._start
                    self._start = None
                    append(duration)
                except TypeError as error:  # None or Reentered: dearer to ask for than to meet
                    if came_out_of_a_call(error):
                        raise
                    leave(self, clock(), exc_type, opened, buffer)
            else:
                leave(self, clock(), exc_type, opened, buffer)
            if len(buffer) > FOLD_AT:
                fold()

        def start(_: Timer) -> Span:
            span: Span = span_class()
            span._start = clock()
            return span

        def stop(self: Span) -> None:
            try:
                append(clock() - self._start)  # type: ignore[operator]
            except TypeError as error:
                if came_out_of_a_call(error):
                    raise
                problems.count(UNMATCHED_STOP, "a span was stopped twice")
                return
            self._start = None
            if len(buffer) > FOLD_AT:
                fold()

        # A new class each time: a span that was started before a fork stays with its buffer.
        body = {"__slots__": (), "__doc__": Span.__doc__, "stop": stop}
        span_class: Any = type("Span", (Span,), body)
        self.timer_class.__exit__ = __exit__
        self.install(__enter__, start)

    def install(self, enter: Any, start: Any) -> None:
        """Put the methods that begin a measurement in place."""
        self.timer_class.__enter__ = enter
        self.timer_class.start = start

    def rebind(self, anew: bool) -> None:
        """Bind to the state's new buffer; ``anew`` in a forked child."""
        if anew:
            self.reentries.reset()
        self.bind()

    def append_failed(self, buffer: Any, duration: int, exc_type: Any) -> None:
        """Record a call that raised in the ``buffer`` of its beginning.

        It is a failure, unless it began before a fork that this process is the child of.
        """
        if self.state.is_current(buffer):
            self.state.fail(exc_type)
        buffer.append(duration)

    def _leave(self, timer: Timer, end: int, exc_type: Any, opened: Any, buffer: Any) -> None:
        """Leave a block that raised, is one of several uses of its object, or was never entered.

        ``opened`` and ``buffer`` are those of the block's entry, which a fork may have orphaned.
        """
        start = self.reentries.exit(timer, opened)
        if start is None:
            self.problems.count(UNMATCHED_STOP, "a timer was left that was not entered")
        elif exc_type is not None:
            self.append_failed(buffer, end - start, exc_type)
        else:
            buffer.append(end - start)
