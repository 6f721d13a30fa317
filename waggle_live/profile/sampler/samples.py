"""One sample: where each thread is, the time since its last look, and the CPU that it used.

Wall clock counts for the function in which a thread is found. CPU has to wait until the thread is
found running. A loop that works for 10 ms and waits for 30 is found waiting most of the time. The
function that waits did not use the CPU since the last sample. So each thread's CPU is kept until a
sample finds it running, and counts for the function that runs then. Over many samples the shares
are right.

A thread's clock shows whether it runs, in a short time right after the look at its stack. A thread
that we had stopped goes on then; one that waits doesn't.
"""

import sys
from contextlib import suppress
from typing import Any, Dict, List, Optional, Tuple

from ...native import Native
from .clocks import (
    Watched,
    cpu_of,
    cpu_of_process,
    cpu_of_this_thread,
    has_clocks,
    tid_of,
)
from .functions import SampledFunctions

#: A thread that used CPU in this share of a time counts as running all of it.
ALL_THE_TIME = 0.9
#: Nanoseconds of CPU that show that a thread runs, and seconds for which it is watched after a
#: look. The later ones are for threads that are ready while other processes have the processor.
GOING_ON, WATCHED = 50000, (0.0002, 0.001, 0.004)
#: If a wait takes so many times too long, processors are short.
LATE = 2
#: After so many nanoseconds, CPU counts for the function that waits. Some threads give the
#: interpreter up only to wait.
MAX_KEPT = 2000000000
#: The longest time in nanoseconds between searches for new threads, and between looks at one of
#: many that don't run.
MAX_IDLE = 250000000
#: Samples between two readings of the CPU of threads that Python doesn't know.
SHARED_EACH = 5
#: With more threads than this, those that don't run are looked at less often.
MANY = 64


def is_only_interpreter() -> bool:
    """Tell whether all frames of this process belong to threads that wait for our lock.

    Not so if Python 3.12 or later has another interpreter, which has its own lock.
    """
    for name in ("_interpreters", "_xxsubinterpreters"):
        if name in sys.modules and sys.version_info >= (3, 12):
            return len(sys.modules[name].list_all()) < 2
    return True


class Samples:
    """The samples of one reporter's functions. For the sampler's thread alone.

    ``main``: Python's main thread, even if something has replaced ``threading``.
    """

    def __init__(self, functions: SampledFunctions, main: Optional[int]) -> None:
        self._functions = functions
        self._has_clocks = has_clocks()
        self._main = main
        self._threads: Dict[int, Watched] = {}
        #: The ids of the sender's thread and others of ours.
        self._own: Dict[int, Watched] = {}
        #: When the last sample was taken, and when new threads were last searched for.
        self._last, self._looked = 0, 0
        self._samples = 0
        #: When a thread last ran, or may have.
        self._ran = Native.perf_counter_ns()
        #: CPU of the process that is counted already; None before the first sample.
        self._counted: Optional[int] = None
        self._wait = Native.allocate_lock()
        self._wait.acquire()

    def sample(self) -> None:
        """Look at all threads once."""
        if not is_only_interpreter():
            return
        now = Native.perf_counter_ns()
        has_run, is_all = self._read(now)
        if has_run:
            self._ran = now
        found: List[Watched] = []
        if has_run or now - self._looked >= MAX_IDLE:
            found = self._look(now)
        self._samples += 1
        if is_all and self._samples % SHARED_EACH == 0:
            self._share(found)
        self._weigh(found, now)
        self._last = now

    def idle_seconds(self) -> float:
        """Return for how many seconds no thread has run."""
        return (self._last - self._ran) / 1e9

    def count_still(self) -> None:
        """Count the time of the threads that don't run, up to the last sample."""
        for thread in self._threads.values():
            self._count_still(thread)

    def settle(self) -> None:
        """Count all CPU that is kept for the functions in which its threads were last found."""
        self.count_still()
        for thread in self._threads.values():
            self._leave(thread)

    def _read(self, now: int) -> Tuple[bool, bool]:
        """Read the clocks, and weigh the threads that have not run.

        Returns whether any has run, or may have, and whether all clocks were read.
        """
        has_run, is_all = not self._threads, True
        for thread in self._threads.values():
            if thread.due > now:
                is_all = False
            elif thread.used is None or self._use(thread) or not thread.stack:
                has_run = True
            else:  # so it is where it was
                thread.still = now
                if len(self._threads) > MANY:
                    thread.due = now + min((now - thread.ran_at) // 4, MAX_IDLE)
        return has_run, is_all

    def _look(self, now: int) -> List[Watched]:
        """Return each thread that has run or is new, with its stack found."""
        found = []
        frame: Any = None
        frames = sys._current_frames()
        try:
            frames.pop(Native.get_ident(), None)  # else this frame would keep itself alive
            self._looked = now
            for ident, frame in frames.items():
                if ident in Native.own_idents:
                    self._own[ident] = self._watched(self._own.get(ident), ident, now)
                    continue
                thread = self._watched(self._threads.get(ident), ident, now)
                self._threads[ident] = thread
                if not thread.stack:
                    self._use(thread)
                if thread.due <= now and (thread.ran or thread.used is None or not thread.stack):
                    self._count_still(thread)
                    thread.stack = self._functions.stack_of(frame)
                    found.append(thread)
            for threads in (self._threads, self._own):
                for ident in [ident for ident in threads if ident not in frames]:
                    self._leave(threads.pop(ident))
        finally:
            frame = None
            frames.clear()
        return found

    def _weigh(self, found: List[Watched], now: int) -> None:
        """Count what each thread took since it was last weighed."""
        unsure, running = [], []  # type: List[Watched], List[Watched]
        for thread in found:
            wall = now - thread.weighed
            cpu = None if thread.used is None else 0
            self._functions.add(thread.stack, wall, cpu)
            is_sure = thread.ran >= ALL_THE_TIME * wall or now - thread.since >= MAX_KEPT
            if thread.pending:
                (running if is_sure else unsure).append(thread)
            if thread.ran:
                thread.ran, thread.ran_at = 0, now
            thread.weighed = now
        for thread in running + self._going_on(unsure):
            self._leave(thread)

    def _going_on(self, unsure: List[Watched]) -> List[Watched]:
        """Return the threads that go on from where they were found."""
        running: List[Watched] = []
        for seconds in WATCHED if unsure else ():
            before = Native.perf_counter_ns()
            self._wait.acquire(True, seconds)
            took = (Native.perf_counter_ns() - before) / 1e9
            for thread in unsure:
                self._use(thread)
            running = [thread for thread in unsure if thread.ran >= GOING_ON]
            # If none goes on and we came late as well, other processes may have the processor. Then
            # read the threads' states, which lets other threads run several times.
            if running or took < LATE * seconds or not any(each.is_runnable() for each in unsure):
                break
        return running

    def _watched(self, known: Optional[Watched], ident: int, now: int) -> Watched:
        """Return the thread of an id, which another thread may have had before."""
        tid = tid_of(ident, self._main) if self._has_clocks else None
        if known is not None and known.tid == tid:
            return known
        used = None
        if tid is not None:
            used = 0
            # A known thread may have used CPU before this sample.
            if not self._last or (known is not None and known.tid is None):
                with suppress(OSError):
                    used = cpu_of(tid)
        if known is not None:
            self._leave(known)
        return Watched(tid, used, self._last or now)

    def _share(self, ran: List[Watched]) -> None:
        """Share the CPU that no thread of Python's has used among the threads that ran.

        C libraries compute in threads of their own, for the functions that called them.
        """
        if not self._has_clocks:
            return
        for thread in self._own.values():
            self._use(thread)
        total = cpu_of_process() - cpu_of_this_thread()
        if self._counted is None:
            self._counted = total
        rest = total - self._counted
        if rest > 0:  # the clocks are read one after another
            self._counted = total
            used = sum(thread.ran for thread in ran)
            for thread in ran if used else ():
                thread.pending += rest * thread.ran // used
            if not used:
                self._functions.add_elsewhere(rest)

    def _use(self, thread: Watched) -> int:
        """Read a thread's clock. Returns what it used since the last time, -1 if it has ended."""
        if not thread.pending:
            thread.since = self._last
        step = thread.read()
        if step > 0 and self._counted is not None:
            self._counted += step
        return step

    def _count_still(self, thread: Watched) -> None:
        if thread.still > thread.weighed:
            self._functions.add(thread.stack, thread.still - thread.weighed, 0)
            thread.weighed = thread.still

    def _leave(self, thread: Watched) -> None:
        """Count a thread's kept CPU for the function in which it was found."""
        self._count_still(thread)
        if thread.pending and thread.stack:
            self._functions.add(thread.stack, 0, thread.pending)
            thread.pending = 0
