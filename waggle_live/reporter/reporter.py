"""What carries the series of a process to the collector: one reporter per process and identity.

However many ``LiveMetrics`` and ``Plugin`` objects a program makes of one identity, nested, in turn
or in several threads, they are handles of the same reporter: one registry, one sender thread, one
session. Making one starts nothing. The first value does, and whatever opens a handle.
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

#: Seconds that the end of a process may take longer because of us.
DEFAULT_EXIT_TIMEOUT = 0.5

#: What this process has used, told by one session at a time.
_figures = Figures()
#: Held while one is looked up or made; a signal handler may do so within another's.
_finding = Native.RLock()
#: By identity and address, for as long as there is a handle, an instrument or a session of it.
_known: "weakref.WeakValueDictionary[Any, Reporter]" = weakref.WeakValueDictionary()
#: Those that have a session, the latest last; kept alive, for the end of the process ends them.
_started: "List[Reporter]" = []
_log_once = LogOnce()
_is_over = False  # the process is ending, and nothing is started any more


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
        #: Those who have not closed it.
        self._handles: "weakref.WeakSet[Any]" = weakref.WeakSet()
        #: What begins the session may be a signal handler, in the middle of just that.
        self._starting = Claim()
        self._sender: Optional[Sender] = None
        #: One for each block that is open, since a list changes in one step.
        self._blocks: List[None] = []
        self._left = ends.Left()
        self._functions = GaugeFunctions(self.registry.problems)
        #: Whether the collector has applied all of the session before.
        self._is_told = False
        self._patience = ends.Patience()
        fork.register(self)

    def __reduce__(self) -> Tuple[Any, ...]:
        # In another process it is that process's own.
        series = self._interval, self._instruments, self.profile.profiler
        return find, (self._identity, self._addresses, *series)

    def _states(self) -> List[SeriesState]:
        return self.registry.states() + self.profile.states()

    def set_rate(self, hz: int) -> Optional[str]:
        """Sample so many times a second, 0 for as often as told; return why that can't be."""
        return self.profile.profiler.set_rate(self, hz or self.profile.rate or 0)

    def spans(self) -> List[Any]:
        """Return what this thread has started by name and not stopped, the latest last."""
        spans: List[Any] = self._by_thread.here().setdefault("spans", [])
        return spans

    def attach(self, handle: Any) -> None:
        """Count ``handle`` as one that may still record."""
        self._handles.add(handle)

    def start(self) -> None:
        """Begin a session, unless there is one. Never blocks; raises what a signal handler raises.

        It may be called where the same thread, or another, is starting it: then it does nothing.
        A value that comes while one is ending begins the next one after it.
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
            if isinstance(error, RuntimeError):  # no thread can be started, or none in here
                _log_once("start", "nothing is sent, for no thread can be started: %s", error)
            else:
                _log_once.fault(error, "nothing is sent, for an error of ours")
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
        """The session has ended: begin the next one if anything was recorded meanwhile."""
        self._is_told = self._sender is not None and self._sender.is_told
        self._forget()
        # Not only what waits to be folded: whoever filled a buffer may have folded it since.
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
        """Leave a block: send what is left; ``error`` is the exception that left it, if any did.

        Waits at most 0.35 s for a collector that takes it in; not at all without a connection, or
        for 5 s after having waited in vain.
        """
        del self._blocks[-1:]
        sender = self._sender
        if sender is not None:
            self._patience.wait(partial(sender.flush, patient=False))
        if not self._blocks:
            self._left.note(error, Native.monotonic())

    def flush(self, timeout: float) -> bool:
        """Send now; True once the collector has applied it, False after ``timeout`` seconds.

        Without a session it begins one if anything was recorded: an earlier try may have found no
        thread. Else it is answered at once: True if the session before was applied.
        """
        if self._sender is None and self._has_recorded():
            self.start()
        sender = self._sender  # another thread may end it meanwhile
        if sender is None:
            return self._is_told and not self._has_recorded()
        return sender.flush(timeout)

    def detach(self, handle: Any, status: Optional[str], timeout: float) -> None:
        """``handle`` records no more; the last one ends the session."""
        self._handles.discard(handle)
        if not self._handles:
            self.end(status, timeout)()

    def end(self, status: Optional[str], timeout: float) -> Callable[[], None]:
        """End the session, if there is one; return what waits until that is done.

        ``status``: None for how the last block was left.
        """
        sender = self._sender
        if sender is None:
            return lambda: None
        self.profile.end()
        # What a function gives is no value that anybody recorded.
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
    """Return this process's reporter of that identity and address, new or known."""
    key = (identity, addresses.text)
    with _finding:
        reporter = _known.get(key)
        if reporter is None:
            reporter = Reporter(identity, addresses, interval, instruments, profiler)
            _known[key] = reporter
    return reporter


def latest() -> Optional[Reporter]:
    """Return the reporter whose session began last, else one that has none yet; None for none."""
    for reporter in reversed(_started):  # not by index: another thread may be ending one
        return reporter
    return next(iter(_known.values()), None)


def end_all(
    status: Optional[str] = None, timeout: float = DEFAULT_EXIT_TIMEOUT, *, for_good: bool = True
) -> None:
    """End all sessions of this process, side by side, within ``timeout`` seconds.

    ``for_good``: none begins any more, whatever is recorded.
    """
    global _is_over
    _is_over = for_good  # first: threads that record on must not begin what nobody would end
    for wait in [reporter.end(status, timeout) for reporter in list(_started)]:
        wait()


def _end_interpreter() -> None:
    status = ends.status_of_interpreter()
    end_all(None if status == ends.OK else status)


def _end_child() -> None:
    """End with a child of multiprocessing; threads that it waits for then are still heard."""
    others = [each for each in threading.enumerate() if each is not threading.current_thread()]
    end_all(ends.OK, for_good=all(thread.daemon for thread in others))


class _AfterFork:
    """Resets what is of the process, before the reporters are."""

    def after_fork_in_child(self) -> None:
        """Nothing has a session in a forked child, and nothing was told."""
        global _figures, _finding, _is_over
        del _started[:]
        _figures, _finding, _is_over = Figures(), Native.RLock(), False


_after_fork = _AfterFork()
fork.register(_after_fork)
# At import: what registers with atexit after it, runs before it and is still recorded.
atexit.register(_end_interpreter)
