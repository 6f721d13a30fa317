"""The sampler of this process: a thread that looks at the stacks of all others.

Off until somebody asks for it, and then at most 1 % of the CPU: see :data:`DEFAULT_MAX_COST`.
Nothing of the plugin is changed, and none of its frames is kept.
"""

import os
import sys
import weakref
from contextlib import suppress
from typing import Any, Dict, List, Optional

from ..logs import LogOnce, warn
from ..native import Native
from ..reporter import fork
from ..reporter.profiler import Profiler
from ..reporter.request import Alarm
from ..series.state import SeriesState
from .sampled import SampledFunctions
from .sampling import Sampling
from .stacks import DEFAULT_FILE_BYTES, DEFAULT_FILE_STACKS, Stacks, Times, write
from .threads import cpu_of_this_thread, has_clocks

#: Where ``waggle-live run`` has stacks written: the pid of the process, a colon and a path. Other
#: processes add their own pid to the path.
OUTPUT_VARIABLE = "WAGGLE_LIVE_PROFILE_OUTPUT"
#: Nanoseconds of CPU that a sample may take on average. Where one takes longer, as with hundreds
#: of threads that run, the next one comes later. At 50 a second it is 1 %.
DEFAULT_MAX_COST = 200000
#: Seconds between two times that what was found is handed on, and that an end waits at most.
TELL_SECONDS, END_SECONDS = 0.2, 0.2
_COLLECTED, _WRITTEN = "collected", "written"

NO_CLOCKS = (
    "the profiler knows no CPU time of threads here, which takes Linux and Python 3.8: it tells "
    "wall time, that of waiting included"
)


class Sampler(Profiler):
    """Samples on behalf of one reporter at a time, in a thread of its own. Thread-safe."""

    def __init__(self) -> None:
        self._log_once = LogOnce()
        self._start_anew()
        fork.register(self)

    def __reduce__(self) -> str:
        return "SAMPLER"

    def set_rate(self, owner: Any, hz: int) -> Optional[str]:
        """See :class:`Profiler`."""
        try:
            self.after_fork_in_child()
            with self._lock:
                return self._set_rate(owner, hz)
        except Exception as error:
            self._log_once.fault(error, "an error of ours in the profiler")
            return "an error of ours"

    def states(self, owner: Any) -> List[SeriesState]:
        """See :class:`Profiler`."""
        functions = self._functions.get(owner)
        return [] if functions is None else functions.states()

    def collect(self, owner: Any, on: bool) -> None:
        """See :class:`Profiler`."""
        if on:
            self._functions_of(owner).collections[_COLLECTED] = Stacks()
        else:
            self._functions_of(owner).collections.pop(_COLLECTED, None)

    def stacks(self, owner: Any) -> Dict[str, Times]:
        """See :class:`Profiler`."""
        stacks = self._functions_of(owner).collections.get(_COLLECTED)
        return {} if stacks is None else stacks.folded()

    def after_fork_in_child(self) -> None:
        """Start anew in a forked child, if this is one that hasn't yet."""
        if self._pid != Native.getpid():
            self._start_anew()

    def _start_anew(self) -> None:
        self._pid = Native.getpid()
        self._lock = Native.RLock()
        self._run: Optional[_Run] = None
        self._functions: "weakref.WeakKeyDictionary[Any, SampledFunctions]"
        self._functions = weakref.WeakKeyDictionary()

    def _functions_of(self, owner: Any) -> SampledFunctions:
        functions = self._functions.get(owner)
        return (
            self._functions.setdefault(owner, SampledFunctions())
            if functions is None
            else functions
        )

    def _set_rate(self, owner: Any, hz: int) -> Optional[str]:
        run = self._run
        if run is not None and run.has_ended():
            run = self._run = None
        if run is not None and run.owner is not owner:
            return "another plugin of this process is being profiled" if hz else None
        if hz == 0:
            self._run = None
            if run is not None:
                run.end()
            return None
        if run is not None:
            run.set_rate(hz)
            return None
        if not getattr(sys, "_is_gil_enabled", lambda: True)():
            return "this Python runs without its lock, and stacks of other threads can't be read"
        functions = self._functions_of(owner)
        run = _Run(owner, hz, functions, self._output())
        try:
            Native.start_thread(run)
        except RuntimeError as error:
            return "no thread can be started: %s" % error
        self._run = run
        if not has_clocks():
            self._log_once("clocks", NO_CLOCKS)
        return None

    def _output(self) -> str:
        pid, _, path = os.environ.get(OUTPUT_VARIABLE, "").partition(":")
        own = str(Native.getpid())
        return path if not path or pid == own else "%s.%s" % (path, own)


class _Run:
    """One thread that samples, from its start to its end."""

    def __init__(self, owner: Any, hz: int, functions: SampledFunctions, output: str) -> None:
        self.owner = owner
        self._hz = hz
        self._functions = functions
        self._output = output
        if output:
            kept = Stacks(DEFAULT_FILE_STACKS, DEFAULT_FILE_BYTES)
            functions.collections.setdefault(_WRITTEN, kept)
        self._is_over = False
        self._ended = Alarm()
        self._log_once = LogOnce()
        self._wake = Native.allocate_lock()
        self._wake.acquire()

    def has_ended(self) -> bool:
        """Whether the thread is gone, or about to go."""
        return self._is_over

    def set_rate(self, hz: int) -> None:
        """Take so many samples a second from now on."""
        self._hz = hz
        self._wake_up()

    def end(self) -> None:
        """End the thread, and wait until all that it found is in the states."""
        self._is_over = True
        self._wake_up()
        self._ended.wait(END_SECONDS)

    def __call__(self) -> None:
        """Sample until the end; what the thread does."""
        try:
            self._sample()
        except Exception as error:
            self._log_once.fault(error, "the profiler ends, for an error of ours")
        finally:
            self._is_over = True
            self._ended.set()

    def _wake_up(self) -> None:
        with suppress(RuntimeError):  # it is awake
            self._wake.release()

    def _sample(self) -> None:
        self.owner.start()
        sampling = Sampling(self._functions)
        told, phase = Native.monotonic(), 0.0
        before = cpu_of_this_thread()
        while not self._is_over:
            try:
                sampling.sample()
                if Native.monotonic() - told >= TELL_SECONDS:
                    told = Native.monotonic()
                    self._functions.tell()
            except Exception as error:
                self._log_once.fault(error, "a sample is left out, for an error of ours")
            before, cost = cpu_of_this_thread(), cpu_of_this_thread() - before
            # Not at equal distances: a plugin that does one thing 50 times a second would always
            # be met at the same place of it. These are spread evenly.
            phase = (phase + 0.618034) % 1
            pause = (0.5 + phase) / self._hz * max(1.0, cost / DEFAULT_MAX_COST)
            self._wake.acquire(True, pause)
        sampling.settle()
        self._functions.tell()
        self._write()

    def _write(self) -> None:
        if self._output:
            try:
                write(self._output, self._functions.collections[_WRITTEN].folded())
            except (OSError, ValueError) as error:
                warn("stacks can't be written to %s: %s", self._output, error)


#: The sampler of this process.
SAMPLER = Sampler()
