"""The thread that samples, from its start to its end."""

from contextlib import suppress
from typing import Any, Optional

from ..logs import LogOnce, warn
from ..native import Native
from ..reporter.request import Alarm
from .sampled import SampledFunctions
from .sampling import Sampling
from .stacks import DEFAULT_FILE_BYTES, DEFAULT_FILE_STACKS, Stacks, write
from .threads import cpu_of_this_thread, has_clocks

#: Nanoseconds of CPU that a sample may take on average. Where one takes longer, as with hundreds
#: of threads that run, the next one comes later. At 50 a second it is 1 %.
DEFAULT_MAX_COST = 200000
#: Seconds between two times that what was found is handed on, and that an end waits at most.
TELL_SECONDS, END_SECONDS = 0.25, 0.2
#: Seconds after which a process in which nothing runs is looked at less often, and how often.
IDLE_SECONDS, IDLE_PAUSE = 1.0, 0.2
_WRITTEN = "written"

NO_CLOCKS = (
    "the profiler knows no CPU time of threads here, which takes Linux and Python 3.8: it tells "
    "wall time, that of waiting included"
)
_log_once = LogOnce()


class SamplingThread:
    """Samples ``hz`` times a second on behalf of ``owner``; ``start`` starts, ``end`` ends it."""

    def __init__(
        self, owner: Any, hz: int, functions: SampledFunctions, main: Optional[int], output: str
    ) -> None:
        self.owner = owner
        self._hz = hz
        self._functions = functions
        self._main = main
        self._output = output
        if output:
            kept = Stacks(DEFAULT_FILE_STACKS, DEFAULT_FILE_BYTES)
            functions.collections.setdefault(_WRITTEN, kept)
        self._is_over = False
        self._ended = Alarm()
        self._wake = Native.allocate_lock()
        self._wake.acquire()

    def start(self) -> None:
        """Start the thread; raises RuntimeError where none can be started."""
        Native.start_thread(self._run)
        if not has_clocks():
            _log_once("clocks", NO_CLOCKS)

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

    def _run(self) -> None:
        try:
            self._sample()
        except Exception as error:
            _log_once.fault(error, "the profiler ends, for an error of ours")
        finally:
            self._is_over = True
            self._ended.set()

    def _wake_up(self) -> None:
        with suppress(RuntimeError):  # it is awake
            self._wake.release()

    def _sample(self) -> None:
        self.owner.start()
        sampling = Sampling(self._functions, self._main)
        told, phase = Native.monotonic(), 0.0
        before = cpu_of_this_thread()
        while not self._is_over:
            try:
                sampling.sample()
                if Native.monotonic() - told >= TELL_SECONDS:
                    told = Native.monotonic()
                    sampling.count_still()
                    self._functions.tell()
            except Exception as error:
                _log_once.fault(error, "a sample is left out, for an error of ours")
            before, cost = cpu_of_this_thread(), cpu_of_this_thread() - before
            # Not at equal distances: a plugin that does one thing 50 times a second would always
            # be met at the same place of it. These are spread evenly.
            phase = (phase + 0.618034) % 1
            pause = 1 / self._hz * max(1.0, cost / DEFAULT_MAX_COST)
            if sampling.idle_seconds() > IDLE_SECONDS:
                pause = max(pause, IDLE_PAUSE)
            pause *= 0.5 + phase
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
