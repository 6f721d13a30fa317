"""The slow path of timers: one kept object that is entered again while it is open.

A timer keeps the start of its first use in itself. The second use replaces that by a
:class:`Reentered`, which keeps the starts of all further uses. A block finds its start by its
frame: a ``with`` statement enters and leaves from the same frame, whatever thread, task, greenlet
or generator runs it. ``__enter__`` and ``__exit__`` called by hand, as ``ExitStack`` does, may come
from two frames. They are matched by their :func:`unit`, last in first out.

Each key belongs to code that runs in one thread at a time, so there is no lock.
"""

import inspect
import sys
from threading import get_ident
from typing import Any, Dict, Optional, Tuple, cast

from ..series.problems import Problems
from ..wire.protocol import OVERLAP_MISMATCH, UNMATCHED_STOP

#: The most open uses of one object per frame or unit, and the most frames and units. One more
#: forgets the outermost use, or the older half. That is counted as ``overlap_mismatch``.
DEFAULT_MAX_OPEN = 10000

_STRANGER = "a kept timer was entered and left by different threads or tasks"
_FORGOTTEN = "more than %d uses of a kept timer were begun and not ended" % DEFAULT_MAX_OPEN
_COROUTINE = inspect.CO_COROUTINE | inspect.CO_ITERABLE_COROUTINE
_AWAITS = _COROUTINE | inspect.CO_ASYNC_GENERATOR
_SUSPENDED = _AWAITS | inspect.CO_GENERATOR


class Unmeasured(Exception):
    """Raised by a clock reading minus a Reentered, and by nothing else."""


class Reentered:
    """Replaces a timer's ``_start`` while the timer is in use more than once."""

    __slots__ = ("first", "starts")

    def __init__(self) -> None:
        #: The start of the first use, which the timer kept itself; None once that use has ended.
        self.first: Optional[int] = None
        #: By key a stack: a start, the entry below it, and the depth. One assignment changes it, so
        #: a signal handler or ``__del__`` comes before or after.
        self.starts: Dict[Any, Tuple[int, Any, int]] = {}

    def __rsub__(self, now: int) -> int:
        raise Unmeasured


class Reentries:
    """Enters and leaves the kept objects of one series whose uses overlap."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems

    def enter(self, timer: Any, start: int) -> None:
        """Remember that ``timer`` was entered at ``start`` by the frame that called it."""
        frame = _caller()
        while True:
            marker = timer._start
            if marker.__class__ is not Reentered:
                marker = Reentered()
            # This one first: while any start is there, no object goes back to its fast path.
            self._push(marker.starts, frame, start)
            # No call between this check and the change: threads could switch there.
            present = timer._start
            if present is marker:
                return
            if present.__class__ is not Reentered:
                marker.first = present
                timer._start = marker
                return
            # Another thread has put its own marker there meanwhile: try again.

    def _push(self, starts: Dict[Any, Any], frame: Any, start: int) -> None:
        key: Any = id(frame)
        # A frame that names `__enter__` calls it by hand: a `with` statement doesn't name it. If a
        # `with` is open in the frame, the innermost use is meant.
        if frame is None or ("__enter__" in frame.f_code.co_names and key not in starts):
            key = unit(frame)
        below = starts.get(key)
        depth = below[2] + 1 if below else 1
        if depth > DEFAULT_MAX_OPEN:
            below, depth = None, 1
            self._problems.count(OVERLAP_MISMATCH, _FORGOTTEN)
        elif len(starts) >= DEFAULT_MAX_OPEN:
            for oldest in list(starts)[: DEFAULT_MAX_OPEN // 2]:
                starts.pop(oldest, None)
            self._problems.count(OVERLAP_MISMATCH, _FORGOTTEN)
        starts[key] = (start, below, depth)

    def exit(self, timer: Any) -> Optional[int]:
        """Return the start of the use that ends. None if it can't be told, which is counted."""
        marker = timer._start
        if marker.__class__ is not Reentered:
            timer._start = None
            if marker is None:
                self._problems.count(UNMATCHED_STOP, "a timer was left that was not entered")
            return cast(Optional[int], marker)
        frame, starts = _caller(), marker.starts
        key: Any = id(frame)
        if key not in starts:
            key = unit(frame)
        own = starts.get(key)
        if own is None:  # so it is the first use
            start: Optional[int] = marker.first
            marker.first = None
            if start is None:
                self._problems.count(OVERLAP_MISMATCH, _STRANGER)
        else:
            start = own[0]
            if own[1] is None:
                starts.pop(key, None)
            else:
                starts[key] = own[1]
        # No call between this check and the change: see enter.
        if marker.first is None and not starts and timer._start is marker:
            timer._start = None
        return start


def unit(frame: Any) -> Any:
    """Return an id of the generator, task, greenlet or thread that runs ``frame``.

    A task is the outermost of the coroutines that await each other, in any framework. A generator
    above it doesn't count: that is the framework, which drives tasks.
    """
    while frame is not None and not frame.f_code.co_flags & _SUSPENDED:
        frame = frame.f_back
    if frame is None:
        greenlet = sys.modules.get("greenlet")
        if greenlet is None:
            return get_ident(), None
        current = getattr(greenlet, "getcurrent", None)  # missing while the module is imported
        return get_ident(), current and id(current())
    while frame.f_code.co_flags & _COROUTINE and frame.f_back is not None:
        if not frame.f_back.f_code.co_flags & _AWAITS:
            break
        frame = frame.f_back
    return (id(frame),)  # a tuple: the plain id stands for `with` statements in the frame


def _caller() -> Any:
    """Return the innermost frame outside of the instruments; None if there is none."""
    frame: Any = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__package__") == __package__:
        frame = frame.f_back
    return frame
