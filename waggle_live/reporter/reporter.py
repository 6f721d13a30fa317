"""What carries the series of a process to the collector: one reporter per process and identity.

However many ``LiveMetrics`` and ``Plugin`` objects a program makes of one identity, nested, in turn
or in several threads, they are handles of the same reporter: one registry, one sender thread, one
session. Making one starts nothing. The first value does, and whatever opens a handle.
"""

import atexit
import threading
import weakref
from typing import Any, Callable, List, Optional

from ..clock import monotonic
from ..series.registry import Instruments, Registry
from . import ends, fork
from .address import Addresses
from .identity import ClaimedIdentity
from .sender import Sender
from .session import Session
from .usage import Figures, ProcessUsage

#: Seconds that the end of a process may take longer because of us.
DEFAULT_EXIT_TIMEOUT = 0.5
#: The same of a block, which leaves some of it to the end of the process: that may be next.
DEFAULT_BLOCK_TIMEOUT = 0.35

#: What this process has used, told by one session at a time.
_figures = Figures(ProcessUsage().read)
#: By identity and address, for as long as there is a handle, an instrument or a session of it.
_known: "weakref.WeakValueDictionary[Any, Reporter]" = weakref.WeakValueDictionary()
#: Those that have a session, the latest last; kept alive, for the end of the process ends them.
_started: "List[Reporter]" = []
_is_over = False  # the process is ending, and nothing is started any more


class _ByThread(threading.local):
    """What each thread has started by name and not stopped, the latest last."""

    def __init__(self) -> None:
        self.spans: List[Any] = []


class Reporter:
    """The registry of one identity, and its session while it has one. Thread-safe."""

    def __init__(
        self,
        *,
        identity: ClaimedIdentity,
        addresses: Addresses,
        interval: float,
        instruments: Instruments,
    ) -> None:
        self._identity = identity
        self._addresses = addresses
        self._interval = interval
        self.registry = Registry(instruments, begin=None if addresses.is_off else self.start)
        self.by_thread = _ByThread()
        #: Those who have not closed it.
        self._handles: "weakref.WeakSet[Any]" = weakref.WeakSet()
        self._lock = threading.RLock()
        self._sender: Optional[Sender] = None
        self._blocks = 0
        self._left = ends.Left()
        #: Until when, and how long, the last block's end waited without an answer.
        self._in_vain = (0.0, 0.0)
        fork.register(self)

    def attach(self, handle: Any) -> None:
        """Count ``handle`` as one that may still record."""
        self._handles.add(handle)

    def start(self) -> None:
        """Begin a session, unless there is one. Never blocks, never raises.

        It may be called where the same thread, or another, is starting it: then it does nothing.
        """
        if self._sender is not None or self._addresses.is_off or _is_over:
            return
        if not self._lock.acquire(False):
            return
        try:
            if self._sender is None:
                sender = self._sender = Sender(
                    states=self.registry.states,
                    session=Session(self._identity),
                    addresses=self._addresses.candidates,
                    usage=_figures.teller(),
                    interval=self._interval,
                )
                _started.append(self)
                sender.start()
                ends.finalize_child(self)
        finally:
            self._lock.release()

    def enter(self) -> None:
        """Enter a block, which begins the session."""
        self._blocks += 1
        self.start()

    def leave(self, error: Optional[BaseException]) -> None:
        """Leave a block: send what is left; ``error`` is the exception that left it, if any did.

        Waits at most 0.35 s for a collector that takes it in; not at all without a connection, or
        where the block before waited in vain.
        """
        self._blocks = max(0, self._blocks - 1)
        sender, begin = self._sender, monotonic()
        if sender is not None:
            timeout = 0.0 if self._in_vain[1] else DEFAULT_BLOCK_TIMEOUT
            done = sender.flush(timeout, patient=False)
            now = monotonic()
            self._in_vain = (0.0, 0.0) if done else (now, now - begin)
        if not self._blocks:
            self._left.note(error, monotonic())

    def flush(self, timeout: float) -> bool:
        """Send now; True once the collector has applied it, False after ``timeout`` seconds."""
        sender = self._sender  # another thread may end it meanwhile
        return sender is not None and sender.flush(timeout)

    def detach(self, handle: Any, status: Optional[str], timeout: float) -> None:
        """``handle`` records no more; the last one ends the session."""
        self._handles.discard(handle)
        if not self._handles:
            self.end(status, timeout)()

    def end(self, status: Optional[str], timeout: float) -> Callable[[], None]:
        """End the session, if there is one; return what waits until that is done.

        ``status``: None for how the last block was left.
        """
        with self._lock:
            sender, self._sender = self._sender, None
        if sender is None:
            return lambda: None
        if self in _started:
            _started.remove(self)
        # What a function gives is no value that anybody recorded.
        states = [state for state in self.registry.states() if state.sample is None]
        recorded = max((state.recorded_at for state in states), default=0.0)
        # Who left a block just now and ends waits once, not twice.
        until, waited = self._in_vain
        if monotonic() - until < timeout:
            timeout = max(0.0, timeout - waited)
        request = sender.finish(status or self._left.status(recorded), timeout)

        def wait() -> None:
            sender.wait(request)
            self.registry.reset()  # what is recorded from now on begins another session

        return wait

    def end_child(self) -> None:
        """End with a child of multiprocessing."""
        end_all(ends.OK)

    def after_fork_in_child(self) -> None:
        """Start anew in a forked child (called by :mod:`waggle_live.reporter.fork`)."""
        self._lock = threading.RLock()
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.abandon()
        self._left = ends.Left()
        self.by_thread = _ByThread()
        self.registry.reset()


def find(
    identity: ClaimedIdentity, addresses: Addresses, interval: float, instruments: Instruments
) -> Reporter:
    """Return this process's reporter of that identity and address, new or known."""
    key = (identity, addresses.text)
    reporter = _known.get(key)
    if reporter is None:
        made = Reporter(
            identity=identity, addresses=addresses, interval=interval, instruments=instruments
        )
        reporter = _known.setdefault(key, made)
    return reporter


def latest() -> Optional[Reporter]:
    """Return the reporter whose session began last, else one that has none yet; None for none."""
    for reporter in reversed(_started):  # not by index: another thread may be ending one
        return reporter
    return next(iter(_known.values()), None)


def end_all(status: Optional[str] = None, timeout: float = DEFAULT_EXIT_TIMEOUT) -> None:
    """End all sessions of this process, side by side, within ``timeout`` seconds."""
    for wait in [reporter.end(status, timeout) for reporter in list(_started)]:
        wait()


def end_process(status: Optional[str] = None) -> None:
    """End all sessions for good: what is recorded from now on begins none."""
    global _is_over
    _is_over = True
    end_all(status)


def _end_interpreter() -> None:
    status = ends.status_of_interpreter()
    end_process(None if status == ends.OK else status)


class _AfterFork:
    """Resets what is of the process, before the reporters are."""

    def after_fork_in_child(self) -> None:
        """Nothing has a session in a forked child, and nothing was told."""
        global _figures
        del _started[:]
        _figures = Figures(ProcessUsage().read)


_after_fork = _AfterFork()
fork.register(_after_fork)
# At import: what registers with atexit after it, runs before it and is still recorded.
atexit.register(_end_interpreter)
