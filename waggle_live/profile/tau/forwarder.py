"""From a directory of profiles to the collector: a session for each run of each process.

A run of TAU is to the collector what a process of a plugin is: its counters add up with those of
the runs before it, and it is told from them by its pid and start.
"""

import time
from collections import deque
from typing import Callable, Deque, Dict, List, Optional, Set, Tuple

from ...clock import monotonic
from ...reporter.address import Address
from ...reporter.identity import ClaimedIdentity
from ...reporter.logs import LogOnce
from ...reporter.sender import Sender
from ...reporter.session import Session
from ...reporter.usage import Teller
from ...series.state import SeriesState
from ...wire.protocol import OTHER_FUNCTIONS
from .directory import CPU_TIME, TIME, Directory, Reading
from .functions import EXCLUSIVE, EXCLUSIVE_CPU, INCLUSIVE, INCLUSIVE_CPU, Functions
from .profile import Run
from .states import FunctionState, TauState

#: Runs that are forwarded at once; more are logged and left alone.
DEFAULT_MAX_RUNS = 64
#: Runs that are remembered once their files are gone, so that none is counted twice.
_MAX_GONE = 1000
#: Seconds after which a run whose files are gone has ended: some remove a dump before the next.
GRACE = 2.0


class Forwarder:
    """Reads and forwards at each ``poll``; ``close`` ends it. Used by one thread."""

    def __init__(
        self,
        *,
        directory: Directory,
        addresses: Callable[[], List[Address]],
        identify: Callable[[Reading], ClaimedIdentity],
        functions: Callable[[], Functions],
    ) -> None:
        self._directory = directory
        self._addresses = addresses
        self._identify = identify
        self._functions = functions
        self._runs: Dict[Run, _Forwarded] = {}
        self._gone: Deque[Run] = deque(maxlen=_MAX_GONE)
        self._torn = 0  # of the directory, as far as a run has it already
        self._log_once = LogOnce()

    def poll(self, *, final: bool = False) -> None:
        """Read what is there and hand it to the senders; never raises.

        ``final``: the program has ended, so this is all that there will be.
        """
        try:
            self._poll(final)
        except Exception as error:  # ours to mend, never the plugin's to suffer
            self._log_once(repr(type(error)), "the forwarder met %r and goes on", error)

    def close(self, status: str = "ok", timeout: float = 0.5) -> None:
        """Send what is left and end all sessions; waits at most ``timeout`` seconds in all."""
        for wait in [run.sender.finish(status, timeout) for run in self._runs.values()]:
            wait()
        self._runs.clear()

    def _poll(self, final: bool) -> None:
        readings = self._directory.read()
        newest = max(readings, key=lambda reading: reading.dumped) if readings else None
        for reading in readings:
            forwarded = self._runs.get(reading.run) or self._begin(reading)
            if forwarded is not None:
                # A file that is not whole doesn't say whose it is.
                torn = self._directory.torn - self._torn if reading is newest else 0
                self._torn += torn
                forwarded.take(reading, torn, final)
        self._end_those_gone({reading.run for reading in readings})
        if self._directory.surplus:
            self._log_once("files", "too many profiles: only those written last are read")
        for metric in sorted(self._directory.others):
            self._log_once(metric, "of TAU's metrics, %s is no time and is not forwarded", metric)

    def _end_those_gone(self, present: Set[Run]) -> None:
        now = monotonic()
        for run, forwarded in list(self._runs.items()):
            if run in present:
                forwarded.gone_since = None
            elif forwarded.gone_since is None:
                forwarded.gone_since = now
            elif now - forwarded.gone_since >= GRACE:
                self._runs.pop(run).sender.finish("ok", 0.5)()
                self._gone.append(run)

    def _begin(self, reading: Reading) -> "Optional[_Forwarded]":
        if reading.run in self._gone:
            self._log_once("gone", "pid %s is back, and counted already", reading.run.pid)
            return None
        if len(self._runs) >= DEFAULT_MAX_RUNS:
            self._log_once("runs", "more than %d runs: the rest is left alone", DEFAULT_MAX_RUNS)
            return None
        identity = self._identify(reading)
        made = _Forwarded(reading, self._functions(), identity, self._addresses)
        self._runs[reading.run] = made
        return made


class _Forwarded:
    """One run and its session."""

    def __init__(
        self,
        reading: Reading,
        functions: Functions,
        identity: ClaimedIdentity,
        addresses: Callable[[], List[Address]],
    ) -> None:
        #: Monotonic time since when its files are not there.
        self.gone_since: Optional[float] = None
        self._functions = functions
        self._tau = TauState("")
        self._states: Dict[str, FunctionState] = {}
        self._taken: Dict[str, Tuple[Optional[int], ...]] = {}
        self.sender = Sender(
            states=self.states,
            session=Session(identity, start_time=_seconds(reading.run.started)),
            addresses=addresses,
            usage=Teller(),  # none: the forwarder's CPU and memory are not the plugin's
        )
        self._seen: Optional[Reading] = None
        self._torn = 0

    def take(self, reading: Reading, torn: int, final: bool) -> None:
        if reading != self._seen or final:
            self._functions.read(reading, final=final)
        elif not torn:
            return
        is_first = self._seen is None
        self._seen = reading
        self._torn += torn
        # Before it is sent, so that the first update has all of it.
        for label, values in self._functions.sums.items():
            newest = self._values(label, values)
            if label not in self._states:
                self._states[label] = FunctionState(label)
            if self._taken.get(label) != newest:
                self._taken[label] = newest
                self._states[label].append(newest)
        # A file's time is the wall clock's; that it is compared with the same clock now, once, is
        # all that it is used for.
        dumped = monotonic() - max(0.0, time.time() - reading.dumped)
        self._tau.append((dumped, self._functions.dropped, self._torn))
        if is_first:
            self.sender.start()

    def states(self) -> List[SeriesState]:
        """Return the states to send, a copy: the sender's thread asks while others are made."""
        return [*self._states.values(), self._tau]

    def _values(self, label: str, values: List[int]) -> Tuple[Optional[int], ...]:
        """Leave out what isn't measured, and of ``__other__`` the inclusive times, which would
        count the same time many times."""
        metrics = self._functions.metrics
        missing: Set[int] = set()
        if TIME not in metrics:
            missing |= {EXCLUSIVE, INCLUSIVE}
        if CPU_TIME not in metrics:
            missing |= {EXCLUSIVE_CPU, INCLUSIVE_CPU}
        if label == OTHER_FUNCTIONS:
            missing |= {INCLUSIVE, INCLUSIVE_CPU}
        return tuple(None if at in missing else value for at, value in enumerate(values))


def _seconds(started: str) -> Optional[float]:
    """Return TAU's starting timestamp, which is in microseconds, if it is one."""
    seconds = int(started) / 1e6 if started.isdigit() and len(started) < 18 else 0.0
    return seconds if 0 < seconds < 1e12 else None
