"""The threads that the sampler looks at, and the clock of the CPU that each has used.

The clock is the kernel's, found by the thread's id. ``time.pthread_getcpuclockid`` uses a thread's
address in memory instead, and crashes if the thread has ended. Here the kernel answers that there
is none. docs/adr/0037 says more.
"""

import _thread
import sys
import threading
import time
from typing import Any, Optional, Tuple

from ...native import Native

#: The bits that mean a thread's CPU clock, beside its id, in the number of a clock.
_CPUCLOCK_SCHED_PER_THREAD = 6


class Watched:
    """A thread that is watched, and what is known of it. Times are nanoseconds."""

    __slots__ = (
        "due",
        "pending",
        "ran",
        "ran_at",
        "since",
        "stack",
        "still",
        "tid",
        "used",
        "weighed",
    )

    def __init__(self, tid: Optional[int], used: Optional[int], now: int) -> None:
        #: The kernel's id; None if unknown, and then the CPU is unknown too.
        self.tid = tid
        #: The CPU that it has used, by its clock.
        self.used = used
        #: CPU that is not counted for a function yet, and since when there is some.
        self.pending, self.since = 0, now
        #: CPU since ``weighed``, and when it last used some.
        self.ran, self.ran_at = 0, now
        #: Up to when its time is counted, and up to when its stack is known.
        self.weighed, self.still = now, now
        #: When to look at it again.
        self.due = 0
        self.stack: Tuple[Any, ...] = ()

    def read(self) -> int:
        """Read its clock. Returns what it used since the last reading, -1 if it has ended."""
        if self.tid is None or self.used is None:
            return 0
        try:
            now = cpu_of(self.tid)
        except OSError:
            return -1
        step, self.used = max(0, now - self.used), now
        self.pending += step
        self.ran += step
        return step

    def is_runnable(self) -> bool:
        """Tell whether it runs, or would if a processor were free."""
        try:
            stat = Native.read_file("/proc/self/task/%d/stat" % (self.tid or 0))
        except OSError:
            return False
        return stat.rpartition(b") ")[2][:1] == b"R"


def cpu_of(tid: int) -> int:
    """Return the CPU that a thread of this process has used, in nanoseconds.

    Raises OSError if there is no such thread. Lets no other thread run meanwhile.
    """
    return int(_clock_gettime((~tid << 3) | _CPUCLOCK_SCHED_PER_THREAD) * 1e9)


def cpu_of_process() -> int:
    """Return the CPU that all threads have used, ended ones included, in nanoseconds."""
    return int(Native.process_time() * 1e9)


def cpu_of_this_thread() -> int:
    """Return the CPU that this thread has used, in nanoseconds."""
    return int(_clock_gettime(_THREAD_CPUTIME) * 1e9)


def has_clocks() -> bool:
    """Tell whether the CPU of other threads can be read: on Linux, from Python 3.8 on."""
    try:
        own = cpu_of(_thread.get_native_id())
    except (AttributeError, OSError):
        return False
    return sys.platform == "linux" and abs(own - cpu_of_this_thread()) < 1e9


def tid_of(ident: int, main: Optional[int]) -> Optional[int]:
    """Return the kernel's id of a thread; None for one that ``threading`` doesn't know."""
    if ident == main:
        return Native.getpid()
    thread = threading._active.get(ident)  # type: ignore[attr-defined]
    return getattr(thread, "native_id", None)


_clock_gettime = time.clock_gettime
_THREAD_CPUTIME = time.CLOCK_THREAD_CPUTIME_ID
