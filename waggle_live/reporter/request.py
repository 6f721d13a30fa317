"""What others ask of a sender: a flush, or the end."""

import time
from typing import Any, Dict, List, Optional

from ..native import Native, sleeps_as_greenlet


class Alarm:
    """One thread waits for it, any other wakes it: any number of times, from wherever it is.

    No Event, whose own lock a signal handler or ``__del__`` within its ``set()`` would wait for.
    """

    def __init__(self) -> None:
        self._lock = Native.allocate_lock()
        self._lock.acquire()
        #: What is to be released, under 0: who takes it out does so, and nobody else.
        self._locked: Dict[int, Any] = {0: self._lock}

    def is_set(self) -> bool:
        """Whether it was woken."""
        return not self._locked

    def set(self) -> None:
        """Wake who waits, or will."""
        lock = self._locked.pop(0, None)
        if lock is not None:
            lock.release()

    def wait(self, timeout: float) -> bool:
        """Wait until it was woken, at most ``timeout`` seconds; tell whether it was."""
        if not self.is_set():
            self._lock.acquire(True, max(0.0, timeout))
        return self.is_set()


class Request:
    """Somebody waits, at most ``until``, for all that was recorded to be applied."""

    def __init__(self, until: float, status: Optional[str], patient: bool) -> None:
        self.until = until
        self.status = status  # of the bye; None for a flush
        #: Wait for a collector that was there a moment ago.
        self.patient = patient
        #: Of the question whose answer is this one's; None until it is asked.
        self.number: Optional[int] = None
        self.done = Alarm()
        self.succeeded = False

    def finish(self, succeeded: bool) -> None:
        """Let nobody wait for it any more."""
        self.succeeded = succeeded
        self.done.set()

    def wait(self) -> bool:
        """Wait until it is done or its time is over; return whether all was applied.

        Under gevent and eventlet other greenlets run meanwhile.
        """
        if sleeps_as_greenlet():
            try:
                while not self.done.is_set() and Native.monotonic() < self.until:
                    time.sleep(0.001)
            except AssertionError:  # this is the event loop itself, which can only be stopped
                pass
        self.done.wait(self.until - Native.monotonic())
        return self.succeeded


class Requests:
    """Those that wait for one sender. Any thread makes them, the sender takes them."""

    def __init__(self) -> None:
        self._flushes: List[Request] = []
        self._ends: List[Request] = []
        self._is_closed = False
        #: What the sender sleeps by; a new one each time.
        self._alarm = Alarm()

    def make(self, timeout: float, status: Optional[str], patient: bool) -> Request:
        """Make a request and wake the sender; where none takes it any more it is done at once."""
        request = Request(Native.monotonic() + timeout, status, patient)
        (self._flushes if status is None else self._ends).append(request)
        if self._is_closed:  # looked at after the append, as close() looks after setting it
            request.done.set()
        self._alarm.set()
        return request

    def take(self, timeout: float) -> List[Request]:
        """Wait at most ``timeout`` for one; return the flushes made meanwhile, and the first end
        if there is one. All others who ask for the end wait for that one."""
        alarm = self._alarm = Alarm()
        if not (self._flushes or self._ends):  # looked at after, as make() wakes after the append
            alarm.wait(timeout)
        flushes = self._flushes[:]
        del self._flushes[: len(flushes)]
        return flushes + self._ends[:1]

    def close(self) -> None:
        """Let nobody wait from now on: the sender has ended."""
        self._is_closed = True
        for request in self._flushes + self._ends:
            request.done.set()
