"""The thread that samples, from its start to its end."""

from contextlib import suppress
from typing import Any, Optional

from ...logs import LogOnce, warn
from ...native import Native
from ...reporter.request import Alarm
from .clocks import cpu_of_this_thread, has_clocks
from .functions import SampledFunctions
from .samples import Samples
from .stacks import DEFAULT_FILE_BYTES, DEFAULT_FILE_STACKS, Stacks, write

#: Nanoseconds of CPU that a sample may take on average: 1 % at 50 samples per second. If one takes
#: longer, as with hundreds of running threads, the next one comes later.
DEFAULT_MAX_COST = 200000
#: Seconds between two updates of the states, and the longest wait of an end.
TELL_SECONDS, END_SECONDS = 0.25, 0.2
#: Seconds after which an idle process is looked at less often, and how often.
IDLE_SECONDS, IDLE_PAUSE = 1.0, 0.2
_WRITTEN = "written"

NO_CLOCKS = (
    "the profiler knows no CPU time of threads here, which takes Linux and Python 3.8: it tells "
    "wall time, that of waiting included"
)
_log_once = LogOnce()


class SamplingThread:
    """Samples ``hz`` times a second for ``owner``. ``start`` starts it, ``end`` ends it."""

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
        """Start the thread. Raises RuntimeError if none can be started."""
        Native.start_thread(self._run)
        if not has_clocks():
            _log_once("clocks", NO_CLOCKS)

    def has_ended(self) -> bool:
        """Tell whether the thread has ended, or is about to."""
        return self._is_over

    def set_rate(self, hz: int) -> None:
        """Take ``hz`` samples a second from now on."""
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
            _log_once.fault(error, "the profiler ends because of an internal error")
        finally:
            self._is_over = True
            self._ended.set()

    def _wake_up(self) -> None:
        with suppress(RuntimeError):  # it is awake
            self._wake.release()

    def _sample(self) -> None:
        self.owner.start()
        samples = Samples(self._functions, self._main)
        told, phase = Native.monotonic(), 0.0
        before = cpu_of_this_thread()
        while not self._is_over:
            try:
                samples.sample()
                if Native.monotonic() - told >= TELL_SECONDS:
                    told = Native.monotonic()
                    samples.count_still()
                    self._functions.tell()
            except Exception as error:
                _log_once.fault(error, "a sample is left out because of an internal error")
            before, cost = cpu_of_this_thread(), cpu_of_this_thread() - before
            # Not at equal distances: a loop that runs 50 times a second would always be met at the
            # same place. These offsets are spread evenly.
            phase = (phase + 0.618034) % 1
            pause = 1 / self._hz * max(1.0, cost / DEFAULT_MAX_COST)
            if samples.idle_seconds() > IDLE_SECONDS:
                pause = max(pause, IDLE_PAUSE)
            pause *= 0.5 + phase
            self._wake.acquire(True, pause)
        samples.settle()
        self._functions.tell()
        self._write()

    def _write(self) -> None:
        if self._output:
            try:
                write(self._output, self._functions.collections[_WRITTEN].folded())
            except (OSError, ValueError) as error:
                warn("stacks can't be written to %s: %s", self._output, error)
