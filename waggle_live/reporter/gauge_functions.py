"""Calls the functions of gauges in a thread of their own: one that blocks stops nothing else."""

from contextlib import suppress
from typing import List, Optional, Sequence

from ..native import Native
from ..series.problems import Problems
from ..series.state import Record, SeriesState
from ..wire.protocol import RECORD_ERROR
from .request import Alarm

#: The longest time that a send, a flush or the end waits for the functions of gauges, in seconds.
DEFAULT_FUNCTION_WAIT = 0.25

#: Seconds after which a function that has not returned counts as blocked.
DEFAULT_FUNCTION_SECONDS = 5.0
#: Seconds that the thread waits at a time while there is nothing to call.
LOOK_SECONDS = 3600.0
#: The most functions that may block at once, each in a thread. While more do, none is called.
DEFAULT_MAX_BLOCKED = 8
BLOCKED = "the function of gauge %r has not returned for %d s; its value stays until it does"


class GaugeFunctions:
    """Calls the functions of one reporter's gauges. Used by the sender's thread.

    The thread starts with the first function. A blocked function keeps the thread, and the others
    get a new one. No function is called while its earlier call still runs.
    """

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._worker: Optional[_Worker] = None
        #: Threads kept by a blocked function; each ends once that returns.
        self._kept: List[_Worker] = []

    def ask_in_time(
        self, states: Sequence[SeriesState], interval: float, until: Sequence[float]
    ) -> None:
        """Call :meth:`ask` for a send every ``interval`` seconds.

        ``until``: when those who wait give up. Fresh values may take half of the time that is left.
        """
        seconds = (min(until) - Native.monotonic()) / 2 if until else interval / 5
        self.ask(states, max(0.0, min(DEFAULT_FUNCTION_WAIT, seconds)))

    def ask(self, states: Sequence[SeriesState], seconds: float) -> None:
        """Call all functions, and record what they return.

        Waits at most ``seconds``; later results are recorded by a later call. Raises RuntimeError
        if no thread can be started.
        """
        if not self._workers() and all(state.sample is None for state in states):
            return  # the usual case: no functions
        until = Native.monotonic() + seconds
        if self._worker is not None and not self._worker.is_idle.wait(seconds):
            self._record()
            self._tell_blocked()
            return
        self._record()
        self._tell_blocked()
        kept = [worker.state for worker in self._kept]
        asked = [state for state in states if state.sample is not None and state not in kept]
        if not asked or len(self._kept) >= DEFAULT_MAX_BLOCKED:
            return
        if self._worker is None:
            worker = _Worker()
            Native.start_thread(worker.run, "live-gauge-functions")
            self._worker = worker
        self._worker.begin(asked)
        self._worker.is_idle.wait(max(0.0, until - Native.monotonic()))
        self._record()

    def end(self) -> None:
        """End the thread, as soon as the function returns that it may be calling."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.end()
            self._kept.append(worker)

    def is_current(self) -> bool:
        """Tell whether the caller is itself one of these functions. For any thread."""
        current = Native.get_ident()
        return any(worker.ident == current for worker in self._workers())

    def _workers(self) -> "List[_Worker]":
        return [*self._kept, *filter(None, [self._worker])]

    def _record(self) -> None:
        """Record results in this thread, so that nothing is recorded after the session's end."""
        workers = self._workers()
        # Checked first: a result that comes before the worker is idle is recorded below.
        self._kept = [worker for worker in self._kept if not worker.is_idle.is_set()]
        for worker in workers:
            given = worker.given[:]
            del worker.given[: len(given)]
            for record in given:
                record()

    def _tell_blocked(self) -> None:
        for worker in self._workers():
            state = worker.state
            if state is None or worker.is_told:
                continue
            if Native.monotonic() - worker.since >= DEFAULT_FUNCTION_SECONDS:
                worker.is_told = True
                text = BLOCKED % (state.name, DEFAULT_FUNCTION_SECONDS)
                self._problems.count(RECORD_ERROR, text, ("blocked", state.name))
                if worker is self._worker:
                    self.end()


class _Worker:
    """One thread that calls functions, round by round."""

    def __init__(self) -> None:
        #: Calls that record what the functions returned.
        self.given: List[Record] = []
        #: Whose function runs, since when, and whether its blocking was logged.
        self.state: Optional[SeriesState] = None
        self.since = 0.0
        self.is_told = False
        self.is_idle = Alarm()
        #: The id of its thread, while that runs.
        self.ident: Optional[int] = None
        self._states: Sequence[SeriesState] = ()
        self._is_last = False
        self._go = Alarm()

    def begin(self, states: Sequence[SeriesState]) -> None:
        """Call the functions of ``states``."""
        self._states = states
        self.is_idle = Alarm()
        self._go.set()

    def end(self) -> None:
        """End the thread once the function has returned that it may be calling."""
        self._is_last = True
        self._go.set()

    def run(self) -> None:
        """Call functions until the end."""
        self.ident = Native.get_ident()
        while not self._is_last:
            with suppress(BaseException):  # a tool may raise SystemExit in all threads
                self._ask_all()
        self.ident = None

    def _ask_all(self) -> None:
        while not self._go.wait(LOOK_SECONDS):
            pass
        try:
            self._go = Alarm()
            for state in self._states:
                sample = state.sample
                if sample is not None and not self._is_last:
                    self.since = Native.monotonic()
                    self.state = state
                    self.given.append(sample())
                    self.state = None
        finally:
            self.state = None
            self._states = ()
            self.is_idle.set()
