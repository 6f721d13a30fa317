"""The slow path of timers: one kept object entered again while it is still open.

The first entry keeps its start in the object itself. The next one puts an :class:`Reentered` in
its place, which is no number: so whoever subtracts it lands here. Each further entry, as long as
any is open, is kept here under the object, the thread and the asyncio task that entered it, last
in first out: right across threads, in recursion and for interleaved tasks. Every key belongs to
one thread, so there is no lock.
"""

import sys
from threading import get_ident
from typing import Any, Dict, Optional, Tuple, cast

from ..series.problems import Problems
from ..wire.protocol import OVERLAP_MISMATCH

Key = Tuple[int, int, int]
#: A start and the one below it: a stack that is changed by one assignment, so that a signal
#: handler, GC callback or ``__del__`` that uses the same object comes before or after.
Starts = Tuple[int, Any]


class Reentered:
    """Stands in a timer's ``_start`` while it is in use more than once."""

    __slots__ = ("first",)

    def __init__(self) -> None:
        #: The start that the object kept itself, until its use ends.
        self.first: Optional[int] = None


class Reentries:
    """The starts of overlapping uses of the kept objects of one series."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self.starts: Dict[Key, Starts] = {}

    def enter(self, timer: Any, start: int) -> None:
        """Remember that ``timer`` was entered at ``start`` by this thread and task."""
        marker = Reentered()
        # First this one: while any start is here, no object goes back to its fast path.
        key, starts = _key(timer), self.starts
        starts[key] = (start, starts.get(key))
        first = timer._start
        if first.__class__ is not Reentered:
            timer._start = marker
            marker.first = first

    def exit(self, timer: Any, starts: Dict[Key, Starts]) -> Optional[int]:
        """Return the start of this thread's and task's innermost use; None if there is none.

        ``starts`` is that of the use's entry, before a fork that may have come since.
        """
        key = _key(timer)
        own = starts.get(key)
        marker = timer._start
        if own is not None:
            start: Optional[int] = own[0]
            if own[1] is None:
                del starts[key]
            else:
                starts[key] = own[1]
        else:
            # Not entered here by this thread and task, so it is the use that the object keeps.
            if marker.__class__ is not Reentered:
                timer._start = None
                return cast(Optional[int], marker)
            start, marker.first = marker.first, None
            if start is None:
                self._problems.count(
                    OVERLAP_MISMATCH,
                    "a kept timer was entered and left by different threads or tasks",
                )
        # No call between this look and the change: see spans.
        done = marker.__class__ is Reentered and marker.first is None and not starts
        if done and timer._start is marker:
            timer._start = None
        return start

    def reset(self) -> None:
        """Forget all, in a forked child: what was open counts in the parent."""
        self.starts = {}


def _key(timer: Any) -> Key:
    return id(timer), get_ident(), _task()


def _task() -> int:
    """Identify the running asyncio task; 0 outside of one or where asyncio isn't even loaded."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return 0
    try:
        current = getattr(asyncio, "current_task", None) or asyncio.Task.current_task  # 3.6
        return id(current())
    except RuntimeError:  # no loop runs in this thread
        return 0
