"""One reporter per process and identity carries its series to the collector.

All ``LiveMetrics`` and ``Plugin`` objects of one identity share one reporter, whether a program
makes them nested, in turn or in several threads. So they share one registry, one sender thread and
one session. Making a reporter starts nothing. The first value does, and opening a handle.
"""

import atexit
import os
import threading
import weakref
from contextlib import suppress
from functools import partial
from typing import Any, Callable, List, Optional, Tuple

from ..claim import Claim, Owner
from ..control.knobs import Knobs
from ..control.orders import Orders
from ..logs import LogOnce
from ..native import ByThread, Native
from ..series.registry import Instruments, Registry
from ..series.state import SeriesState
from . import ends, fork
from .address import Addresses
from .gauge_functions import GaugeFunctions
from .identity import ClaimedIdentity
from .profiler import Profile, Profiler
from .sender import Sender
from .session import Session
from .usage import Figures

#: The longest time that we delay the end of a process, in seconds.
DEFAULT_EXIT_TIMEOUT = 0.5

#: CPU and memory of this process, told by one session at a time.
_figures = Figures()
#: Held while a reporter is looked up or made. Reentrant, for signal handlers.
_finding = Native.RLock()
#: By identity and address, for as long as a handle, an instrument or a session of it exists.
_known: "weakref.WeakValueDictionary[Any, Reporter]" = weakref.WeakValueDictionary()
#: Reporters with a session, the latest last. Kept alive, so that the process's end ends them.
_started: "List[Reporter]" = []
_log_once = LogOnce()
_is_over = False  # the process is ending: nothing starts any more


class Reporter:
    """The registry of one identity, and its session while it has one. Thread-safe."""

    def __init__(
        self,
        identity: ClaimedIdentity,
        addresses: Addresses,
        interval: float,
        instruments: Instruments,
        profiler: Profiler,
    ) -> None:
        self._identity = identity
        self._addresses = addresses
        self._interval = interval
        self._instruments = instruments
        self.profile = Profile(profiler, self)
        begin = None if addresses.is_off else self.start
        self.registry = Registry(instruments, begin=begin, owner=self)
        self.knobs = Knobs(begin=begin, owner=self, environ=os.environ)
        self._by_thread = ByThread()
        #: Handles that are not closed.
        self._handles: "weakref.WeakSet[Any]" = weakref.WeakSet()
        #: A claim, no lock: a signal handler may begin the session in the middle of a beginning.
        self._starting = Claim()
        self._sender: Optional[Sender] = None
        #: One entry per open block: a list changes in one step, a count doesn't.
        self._blocks: List[None] = []
        self._left = ends.Left()
        self._functions = GaugeFunctions(self.registry.problems)
        #: Whether the collector has applied all of the previous session.
        self._is_told = False
        self._patience = ends.Patience()
        fork.register(self)

    def __reduce__(self) -> Tuple[Any, ...]:
        # Unpickled in another process, it is that process's reporter.
        series = self._interval, self._instruments, self.profile.profiler
        return find, (self._identity, self._addresses, *series)

    def _states(self) -> List[SeriesState]:
        return self.registry.states() + self.profile.states()

    def set_rate(self, hz: int) -> Optional[str]:
        """Sample ``hz`` times a second, 0 for as told. Returns why that is impossible."""
        return self.profile.profiler.set_rate(self, hz or self.profile.rate or 0)

    def spans(self) -> List[Any]:
        """Return what this thread has started by name and not stopped, the latest last."""
        spans: List[Any] = self._by_thread.here().setdefault("spans", [])
        return spans

    def attach(self, handle: Any) -> None:
        """Count ``handle`` as one that may still record."""
        self._handles.add(handle)

    def start(self) -> None:
        """Begin a session, unless there is one. Never blocks. Raises what a signal handler raises.

        Does nothing while this or another thread is starting one. A value that comes while one is
        ending begins the next one after it.
        """
        if self._sender is not None or self._addresses.is_off or _is_over:
            return
        owner = Owner()
        if not self._starting.take(owner):
            return
        try:
            if self._sender is None:
                self._begin()
        except BaseException as error:
            sender: Any = self._sender
            if sender is not None and sender.cancel():
                self._forget()
            if not isinstance(error, Exception) or Native.is_of_handler(error):
                raise
            if isinstance(error, RuntimeError):  # no thread can be started, or none here
                _log_once("start", "nothing is sent, for no thread can be started: %s", error)
            else:
                _log_once.fault(error, "nothing is sent because of an internal error")
        finally:
            owner.is_done = True

    def _begin(self) -> None:
        ends.finalize_child(_end_child)
        sender = self._sender = Sender(
            states=self._states,
            session=Session(self._identity),
            addresses=self._addresses.candidates,
            usage=_figures,
            functions=self._functions,
            orders=Orders(self.knobs, self.profile.profiler, owner=self),
            on_end=self._ended,
            interval=self._interval,
        )
        _started.append(self)
        sender.start()
        self.profile.begin()

    def _ended(self) -> None:
        """Handle the session's end: begin the next one if anything was recorded meanwhile."""
        self._is_told = self._sender is not None and self._sender.is_told
        self._forget()
        # Folded values count too: whoever filled a buffer may have folded it since.
        if self._has_recorded():
            self.start()

    def _forget(self) -> None:
        with suppress(ValueError):
            _started.remove(self)  # before another thread may begin the next
        self._sender = None

    def _has_recorded(self) -> bool:
        return any(state.recorded_at for state in self.registry.states())

    def enter(self) -> None:
        """Enter a block, which begins the session."""
        self._blocks.append(None)
        self.start()

    def leave(self, error: Optional[BaseException]) -> None:
        """Leave a block and send what is left. ``error``: the exception that left it, or None.

        Waits at most 0.35 s for the collector to apply it. Doesn't wait without a connection, or
        for 5 s after a wait in vain.
        """
        del self._blocks[-1:]
        sender = self._sender
        if sender is not None:
            self._patience.wait(partial(sender.flush, patient=False))
        if not self._blocks:
            self._left.note(error, Native.monotonic())

    def flush(self, timeout: float) -> bool:
        """Send now. True once the collector has applied it, False after ``timeout`` seconds.

        Between two sessions it returns at once: True if the last one was applied, and nothing was
        recorded since.
        """
        sender = self._sender  # another thread may end it meanwhile
        if sender is None:
            return self._is_told and not self._has_recorded()
        return sender.flush(timeout)

    def detach(self, handle: Any, status: Optional[str], timeout: float) -> None:
        """Note that ``handle`` records no more. The last handle ends the session."""
        self._handles.discard(handle)
        if not self._handles:
            self.end(status, timeout)()

    def end(self, status: Optional[str], timeout: float) -> Callable[[], None]:
        """End the session, if there is one. Returns a function that waits for the end.

        ``status``: None means as the last block was left.
        """
        sender = self._sender
        if sender is None:
            return lambda: None
        self.profile.end()
        # The author doesn't record a function's value, so it doesn't count here.
        states = [state for state in self.registry.states() if state.sample is None]
        recorded = max((state.recorded_at for state in states), default=0.0)
        status = status or self._left.status(recorded)
        return sender.finish(status, self._patience.left(timeout))

    def after_fork_in_child(self) -> None:
        """Start anew in a forked child (called by :mod:`waggle_live.reporter.fork`)."""
        self._starting = Claim()
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.abandon()
        self._left = ends.Left()
        self._functions = GaugeFunctions(self.registry.problems)
        self._is_told = False
        self._by_thread = ByThread()
        self.registry.reset()
        self.knobs.after_fork()
        if sender is not None:
            self.profile.begin()


def find(
    identity: ClaimedIdentity,
    addresses: Addresses,
    interval: float,
    instruments: Instruments,
    profiler: Profiler,
) -> Reporter:
    """Return this process's reporter of that identity and address; make it if there is none."""
    key = (identity, addresses.text)
    with _finding:
        reporter = _known.get(key)
        if reporter is None:
            reporter = Reporter(identity, addresses, interval, instruments, profiler)
            _known[key] = reporter
    return reporter


def latest() -> Optional[Reporter]:
    """Return the reporter whose session began last, else one without a session, else None."""
    for reporter in reversed(_started):  # no index: another thread may end one
        return reporter
    return next(iter(_known.values()), None)


def end_all(
    status: Optional[str] = None, timeout: float = DEFAULT_EXIT_TIMEOUT, *, for_good: bool = True
) -> None:
    """End all sessions of this process, side by side, within ``timeout`` seconds.

    ``for_good``: no session begins any more, whatever is recorded.
    """
    global _is_over
    _is_over = for_good  # first: threads that still record must begin no session
    for wait in [reporter.end(status, timeout) for reporter in list(_started)]:
        wait()


def _end_interpreter() -> None:
    status = ends.status_of_interpreter()
    end_all(None if status == ends.OK else status)


def _end_child() -> None:
    """End with a child of multiprocessing. Threads that it waits for may still record."""
    others = [each for each in threading.enumerate() if each is not threading.current_thread()]
    end_all(ends.OK, for_good=all(thread.daemon for thread in others))


class _AfterFork:
    """Resets what belongs to the process, before its reporters are reset."""

    def after_fork_in_child(self) -> None:
        """Note that a forked child has no session, and that nothing was told."""
        global _figures, _finding, _is_over
        del _started[:]
        _figures, _finding, _is_over = Figures(), Native.RLock(), False


_after_fork = _AfterFork()
fork.register(_after_fork)
# At import: atexit functions registered later run before it and can still record.
atexit.register(_end_interpreter)
