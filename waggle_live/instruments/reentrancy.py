"""The slow path of timers: one kept object entered again while it is still open.

A timer keeps the start of its first use in itself. The second use puts a :class:`Reentered` in its
place, which keeps the starts of all further ones. Which of them a block ends is known by its
frame: a ``with`` statement enters and leaves from the same one, whatever thread, task, greenlet or
generator runs it. ``__enter__`` and ``__exit__`` that are called by hand, as ``ExitStack`` does it,
may come from two frames: they belong together by their :func:`unit`, last in first out.

Each key belongs to what runs in one thread at a time, so there is no lock.
"""

import inspect
import sys
from threading import get_ident
from typing import Any, Dict, Optional, Tuple, cast

from ..series.problems import Problems
from ..wire.protocol import OVERLAP_MISMATCH, UNMATCHED_STOP

#: Uses of one object that were begun and not ended, per frame or unit, and frames and units. One
#: more forgets the outermost, or the older half, and is counted as ``overlap_mismatch``.
DEFAULT_MAX_OPEN = 10000

_STRANGER = "a kept timer was entered and left by different threads or tasks"
_FORGOTTEN = "more than %d uses of a kept timer were begun and not ended" % DEFAULT_MAX_OPEN
_COROUTINE = inspect.CO_COROUTINE | inspect.CO_ITERABLE_COROUTINE
_AWAITS = _COROUTINE | inspect.CO_ASYNC_GENERATOR
_SUSPENDED = _AWAITS | inspect.CO_GENERATOR


class Unmeasured(Exception):
    """A reading of the clock less a Reentered. Raised here alone, so it is no signal handler's."""


class Reentered:
    """Stands in a timer's ``_start`` while it is in use more than once."""

    __slots__ = ("first", "starts")

    def __init__(self) -> None:
        #: The start that the object kept itself, until its use ends.
        self.first: Optional[int] = None
        #: By key: a start, the one below it, and how many they are. A stack that is changed by
        #: one assignment, so that a signal handler or ``__del__`` comes before or after.
        self.starts: Dict[Any, Tuple[int, Any, int]] = {}

    def __rsub__(self, now: int) -> int:
        raise Unmeasured


class Reentries:
    """Enters and leaves the kept objects of one series where their uses overlap."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems

    def enter(self, timer: Any, start: int) -> None:
        """Remember that ``timer`` was entered at ``start`` by the frame that called it."""
        frame = _caller()
        while True:
            marker = timer._start
            if marker.__class__ is not Reentered:
                marker = Reentered()
            # First this one: while any start is there, no object goes back to its fast path.
            self._push(marker.starts, frame, start)
            # No call between this look and the change: threads could change places there.
            present = timer._start
            if present is marker:
                return
            if present.__class__ is not Reentered:
                marker.first = present
                timer._start = marker
                return
            # Another thread has put its own there meanwhile.

    def _push(self, starts: Dict[Any, Any], frame: Any, start: int) -> None:
        key: Any = id(frame)
        # A `with` statement doesn't name it. In a frame where one is open, the innermost ends.
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
        """Return the start of the use that ends; None, and counted, if it can't be told."""
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
        if own is None:  # so it is the use that the object keeps
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
        # No call between this look and the change: see enter.
        if marker.first is None and not starts and timer._start is marker:
            timer._start = None
        return start


def unit(frame: Any) -> Any:
    """Identify what runs ``frame`` and can be suspended: a generator, task, greenlet or thread.

    A task is the outermost of the coroutines that await each other, in whatever framework. The
    frame of a generator above it is no part of it: it is of the framework, which drives tasks.
    """
    while frame is not None and not frame.f_code.co_flags & _SUSPENDED:
        frame = frame.f_back
    if frame is None:
        greenlet = sys.modules.get("greenlet")
        if greenlet is None:
            return get_ident(), None
        current = getattr(greenlet, "getcurrent", None)  # not there while it is being imported
        return get_ident(), current and id(current())
    while frame.f_code.co_flags & _COROUTINE and frame.f_back is not None:
        if not frame.f_back.f_code.co_flags & _AWAITS:
            break
        frame = frame.f_back
    return (id(frame),)  # and not the id, by which only a `with` statement in it is known


def _caller() -> Any:
    """Return the innermost frame that is none of the instruments' own; None if there is none."""
    frame: Any = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__package__") == __package__:
        frame = frame.f_back
    return frame
