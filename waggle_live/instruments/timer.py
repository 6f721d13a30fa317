"""The hot path of timers: two clock reads and one append around a block.

Each series has a class of its own, a subclass of :class:`Timer`, whose methods are closures
over the series' buffer. ``live.timer("x")`` gives the same instance of it out again once nobody
has it any more, and makes another one as long as somebody has: so no two share one. A kept
instance that is entered again while it is still open takes the slow path of
:mod:`waggle_live.instruments.reentrancy`.

After a fork the child binds the classes anew, to new buffers. Methods that were looked up before
the fork (a ``with`` statement looks its ``__exit__`` up when it is entered) still append to the
old ones, which nobody reads: so a span open at the fork counts in the parent only.
"""

import sys
from typing import Any, Callable, Optional, Type, TypeVar, Union, cast

from ..clock import perf_counter_ns
from ..series.problems import UNMATCHED_STOP, Problems
from ..series.state import FOLD_AT, RateCell, TimerCell
from .decorate import decorate
from .reentrancy import Overlaps

Function = TypeVar("Function", bound=Callable[..., Any])
SpanCell = Union[TimerCell, RateCell]

#: Whether CPython's count of references tells that nobody else has an object. It does up to 3.13,
#: after which a variable need not be counted, and where there is a GIL, else it is stale once read.
IS_COUNTED = (
    sys.implementation.name == "cpython"
    and sys.version_info < (3, 14)
    and getattr(sys, "_is_gil_enabled", lambda: True)()
)
references: Callable[[Any], int] = getattr(sys, "getrefcount", id)
#: The count of what nobody else has: where it is kept, the variable of whoever asks, the argument
#: of ``references``. Who else is about to take it has it in a variable already, so neither does.
UNSHARED = 3 if IS_COUNTED else -1


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
    and never raises because of the collector.
    """

    __slots__ = ("_start",)
    #: None while it is idle, the clock's reading while it is open, an Overlap while in use twice.
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
    """Binds the classes of one series to its cell, and again after a fork."""

    base: Type[Timer] = Timer

    clock = staticmethod(perf_counter_ns)

    def __init__(self, cell: SpanCell, problems: Problems) -> None:
        self.cell = cell
        self.problems = problems
        self.overlaps = Overlaps(problems)
        self.span_class: Any = type("Span", (Span,), {"__slots__": (), "__doc__": Span.__doc__})
        self.timer_class: Any = type(
            self.base.__name__,
            (self.base,),
            {"__slots__": (), "__doc__": self.base.__doc__, "_series": self},
        )
        self.bind()

    def make(self) -> Any:
        """Return a new :class:`Timer` (or Rate) of this series."""
        timer = self.timer_class()
        timer._start = None
        return timer

    def fail(self, exc_type: Any) -> None:
        """Mark a failure; called before the duration of its block is appended."""
        if isinstance(self.cell, TimerCell) and not _is_ending(exc_type):
            self.cell.failed.append(None)

    def bind(self) -> None:
        """(Re)define the hot methods over the cell's present buffer."""
        cell, clock, leave = self.cell, self.clock, self._leave
        buffer, append, fold = cell.buffer, cell.append, cell.fold
        overlaps, opened = self.overlaps, self.overlaps.starts
        problems, span_class = self.problems, self.span_class
        # A span that nobody has any more is given out again, which is cheaper than a new one.
        spare = span_class()

        # No call between the look at a start and its change: threads could change places there.
        def __enter__(self: Timer) -> Timer:
            now = clock()
            if self._start is None:
                self._start = now
            else:
                overlaps.enter(self, now)
            return self

        def __exit__(self: Timer, exc_type: Any, exc: Any, traceback: Any) -> None:
            if exc_type is None:
                try:
                    duration = clock() - self._start
                    self._start = None
                    append(duration)
                except TypeError as error:  # None or an Overlap: dearer to ask for than to meet
                    if _came_out_of_a_call(error):
                        raise
                    leave(self, clock(), exc_type, opened, append)
            else:
                leave(self, clock(), exc_type, opened, append)
            if len(buffer) > FOLD_AT:
                fold()

        def start(_: Timer) -> Span:
            span: Span = spare
            if references(span) > UNSHARED:
                span = span_class()
            span._start = clock()
            return span

        def stop(self: Span) -> None:
            try:
                append(clock() - self._start)  # type: ignore[operator]
            except TypeError as error:
                if _came_out_of_a_call(error):
                    raise
                problems.count(UNMATCHED_STOP, "a span was stopped twice")
                return
            self._start = None
            if len(buffer) > FOLD_AT:
                fold()

        self.timer_class.__exit__ = __exit__
        self.install(__enter__, start)
        # A span keeps the class it was made of: one started before a fork stays with its buffer.
        self.span_class.stop = stop

    def install(self, enter: Any, start: Any) -> None:
        """Put the methods that begin a measurement in place."""
        self.timer_class.__enter__ = enter
        self.timer_class.start = start

    def rebind(self) -> None:
        """Bind to the cell's new buffer, in a forked child."""
        self.overlaps.reset()
        self.span_class = type("Span", (Span,), {"__slots__": (), "__doc__": Span.__doc__})
        self.bind()

    def _leave(self, timer: Timer, end: int, exc_type: Any, opened: Any, append: Any) -> None:
        """Leave a block that raised, overlaps another use of its object, or was never entered.

        ``opened`` and ``append`` are those of the block's entry, which a fork may have orphaned.
        """
        start = self.overlaps.exit(timer, opened)
        if start is None:
            self.problems.count(UNMATCHED_STOP, "a timer was left that was not entered")
            return
        if exc_type is not None and append.__self__ is self.cell.buffer:
            self.fail(exc_type)
        append(end - start)


def _came_out_of_a_call(error: BaseException) -> bool:
    """Tell whether an error is none of ours, but of a signal handler that ran just then."""
    traceback: Any = error.__traceback__
    return traceback.tb_next is not None


def _is_ending(exc_type: Any) -> bool:
    """Tell whether an exception only ends a block early and is no failure.

    By name, so that neither asyncio, concurrent.futures nor trio need be imported.
    """
    return any(
        c.__name__ in ("GeneratorExit", "CancelledError", "Cancelled") for c in exc_type.__mro__
    )
