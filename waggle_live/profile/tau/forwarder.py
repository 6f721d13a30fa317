"""From a directory of profiles to the collector: a session for each run of each process.

The collector treats a run of TAU as a process of a plugin. Its counters add up with those of
earlier runs. Its pid and start tell it from them.
"""

import math
import time
from collections import deque
from typing import Callable, Deque, Dict, List, Optional, Set

from ...logs import LogOnce
from ...native import Native
from ...reporter.address import Address
from ...reporter.identity import ClaimedIdentity
from ...reporter.sender import Sender
from ...reporter.session import Session
from ...series.state import SeriesState
from ...wire.protocol import TAU_PROFILER
from ..function_state import FunctionState
from .directory import Directory, Reading
from .functions import Functions
from .profile import Run
from .run_state import RunState

#: The most runs that are forwarded at once. Further ones are logged and ignored.
DEFAULT_MAX_RUNS = 64
#: The most runs that are remembered after their files are gone, so that none counts twice.
_MAX_GONE = 1000
#: Seconds after which a run without files has ended. Some remove a dump before the next one.
GRACE = 2.0


class Forwarder:
    """Reads and forwards at each ``poll``. ``close`` ends it. Used by one thread."""

    def __init__(self, directory: Directory, begin: "Callable[[Reading], ForwardedRun]") -> None:
        self._directory = directory
        #: Makes a run from its first reading.
        self._begin = begin
        self._runs: Dict[Run, ForwardedRun] = {}
        self._gone: Deque[Run] = deque(maxlen=_MAX_GONE)
        self._torn = 0  # torn files of the directory that a run has counted already
        self._log_once = LogOnce()

    def poll(self, *, final: bool = False) -> None:
        """Read the directory and hand it to the senders. Never raises.

        ``final``: the program has ended, so nothing follows.
        """
        try:
            self._poll(final)
        except Exception as error:  # an internal error must not reach the plugin
            self._log_once.fault(error, "internal error while reading profiles; reading goes on")

    def close(self, status: str = "ok", timeout: float = 0.5) -> None:
        """Send what is left and end all sessions. Waits at most ``timeout`` seconds in all."""
        for wait in [run.sender.finish(status, timeout) for run in self._runs.values()]:
            wait()
        self._runs.clear()

    def _poll(self, final: bool) -> None:
        changed: Dict[Run, List[Reading]] = {}
        for reading in self._directory.read():
            changed.setdefault(reading.run, []).append(reading)
        for run, readings in changed.items():
            if self._may_forward(run):
                forwarded = self._runs[run] = self._runs.get(run) or self._begin(readings[0])
                forwarded.take(readings)
        if final:
            for forwarded in self._runs.values():
                forwarded.take([], final=True)
        torn = self._directory.torn - self._torn
        if torn and self._runs:
            # A torn file doesn't say whose it is: most likely the latest run's.
            list(self._runs.values())[-1].add_torn(torn)
            self._torn += torn
        self._end_those_gone(set(self._directory.runs.values()))
        if self._directory.surplus:
            self._log_once("files", "too many profiles: only those written last are read")
        for form in sorted(self._directory.forms):
            self._log_once(
                form,
                "TAU wrote profiles in the form %r, which can't be read here: run the program with "
                "TAU_PROFILE_FORMAT=profile",
                form,
            )
        for metric in sorted(self._directory.others):
            self._log_once(metric, "of TAU's metrics, %s is no time and is not forwarded", metric)

    def _end_those_gone(self, present: Set[Run]) -> None:
        now = Native.monotonic()
        for run, forwarded in list(self._runs.items()):
            if run in present:
                forwarded.last_seen = now
            elif now - forwarded.last_seen >= GRACE:
                self._runs.pop(run).sender.finish("ok", 0.5)()
                self._gone.append(run)

    def _may_forward(self, run: Run) -> bool:
        if run in self._gone:
            self._log_once("gone", "pid %s is back, and counted already", run.pid)
            return False
        if run not in self._runs and len(self._runs) >= DEFAULT_MAX_RUNS:
            self._log_once("runs", "more than %d runs: the rest is left alone", DEFAULT_MAX_RUNS)
            return False
        return True


class ForwardedRun:
    """One run and its session."""

    def __init__(
        self,
        run: Run,
        identity: ClaimedIdentity,
        functions: Functions,
        addresses: Callable[[], List[Address]],
    ) -> None:
        #: Monotonic time of the last reading that found files of it.
        self.last_seen = 0.0
        self._functions = functions
        self._run = RunState("")
        self._states: Dict[str, FunctionState] = {}
        self.sender = Sender(
            states=self.states,
            session=Session(identity, start_time=_seconds(run.started)),
            addresses=addresses,
            usage=None,  # the forwarder's CPU and memory are not the plugin's
        )
        #: Monotonic time of the last dump.
        self._dumped = -math.inf
        self._log_once = LogOnce()
        self._torn = 0

    def take(self, readings: List[Reading], final: bool = False) -> None:
        """Add what files of the run say. ``final``: nothing follows."""
        is_first = self._dumped == -math.inf
        for label in self._functions.read(readings, final=final):
            if label not in self._states:
                self._states[label] = FunctionState(label, TAU_PROFILER)
            if label in self._functions.throttled and not self._states[label].throttled:
                self._states[label].throttled = True
                self._log_once(
                    "throttled",
                    "TAU measures no more calls of %s, nor of all that are marked as throttled: "
                    "their time is their callers' from now on. TAU_THROTTLE=0 measures all",
                    label,
                )
            self._states[label].append(tuple(self._functions.sums[label]))
        if self._functions.is_cpu_mixed:
            self._log_once(
                "threads",
                "CPU time of functions is left out from now on: of a program with several threads "
                "TAU measures the CPU time of all for each of them",
            )
        for reading in readings:
            # A file's time is of the wall clock. It is used only once, compared with that clock
            # now.
            dumped = Native.monotonic() - max(0.0, time.time() - reading.dumped)
            self._dumped = max(self._dumped, dumped)
        self.add_torn(0)
        if is_first:  # only now, so that the first update has everything
            self.sender.start()

    def add_torn(self, torn: int) -> None:
        """Add to the number of torn files, and report the state of the run."""
        self._torn += torn
        self._run.append((self._dumped, self._functions.dropped, self._torn))

    def states(self) -> List[SeriesState]:
        """Return a copy of the list of states: the sender's thread asks while others are made."""
        return [*self._states.values(), self._run]


def _seconds(started: str) -> Optional[float]:
    """Return TAU's starting timestamp, given in microseconds, in seconds; None if it is none."""
    seconds = int(started) / 1e6 if started.isdigit() and len(started) < 18 else 0.0
    return seconds if 0 < seconds < 1e12 else None
