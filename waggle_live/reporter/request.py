"""Requests to a sender: a flush, or the end."""

import time
from typing import Any, Dict, List, Optional

from ..native import Native, sleeps_as_greenlet

#: The last part of an end's time, in seconds, or a third of it. The sender doesn't wait then, but
#: says bye: the whole process may have stood still until its time was over.
LAST_SECONDS = 0.05


class Alarm:
    """One thread waits for it, and any other wakes it, any number of times.

    Not an Event: a signal handler or ``__del__`` within its ``set()`` would wait for its lock.
    """

    def __init__(self) -> None:
        self._lock = Native.allocate_lock()
        self._lock.acquire()
        #: The lock to release, under 0: only the caller that takes it out releases it.
        self._locked: Dict[int, Any] = {0: self._lock}

    def is_set(self) -> bool:
        """Tell whether it was woken."""
        return not self._locked

    def set(self) -> None:
        """Wake the thread that waits, or that will wait."""
        lock = self._locked.pop(0, None)
        if lock is not None:
            lock.release()

    def wait(self, timeout: float) -> bool:
        """Wait until it is woken, at most ``timeout`` seconds. Returns whether it was."""
        if not self.is_set():
            self._lock.acquire(True, max(0.0, timeout))
        return self.is_set()


class Request:
    """A caller waits, at most ``until``, for all that was recorded to be applied.

    For an end it waits ``last`` seconds more: no answer counts then, but the bye is said.
    """

    def __init__(
        self, until: float, status: Optional[str], patient: bool, last: float = 0.0
    ) -> None:
        self.until = until
        self._last = last  # seconds that the caller waits longer
        self.status = status  # the status of the bye; None for a flush
        #: Whether to wait for a collector that was there a moment ago.
        self.patient = patient
        #: The number of the question that answers this request; None until it is sent.
        self.number: Optional[int] = None
        self.done = Alarm()
        self.succeeded = False

    def finish(self, succeeded: bool) -> None:
        """End the wait."""
        self.succeeded = succeeded
        self.done.set()

    def wait(self) -> bool:
        """Wait until it is done or its time is over. Returns whether all was applied.

        Under gevent and eventlet other greenlets run meanwhile.
        """
        if sleeps_as_greenlet():
            try:
                while not self.done.is_set() and Native.monotonic() < self.until:
                    time.sleep(0.001)
            except AssertionError:  # this is the event loop itself, which can't switch
                pass
        self.done.wait(self.until - Native.monotonic())
        self.done.wait(self._last)
        return self.succeeded


class Requests:
    """Requests that wait for one sender. Any thread makes them, the sender takes them."""

    def __init__(self) -> None:
        self._flushes: List[Request] = []
        self._ends: List[Request] = []
        self._is_closed = False
        #: The alarm that the sender sleeps on; a new one each time.
        self._alarm = Alarm()

    def make(self, timeout: float, status: Optional[str], patient: bool) -> Request:
        """Make a request and wake the sender. Once that has ended, requests are done at once."""
        last = 0.0 if status is None else min(LAST_SECONDS, timeout / 3)
        request = Request(Native.monotonic() + timeout - last, status, patient, last)
        (self._flushes if status is None else self._ends).append(request)
        if self._is_closed:  # checked after the append, as close() checks after setting it
            request.done.set()
        self._alarm.set()
        return request

    def take(self, timeout: float) -> List[Request]:
        """Wait at most ``timeout`` seconds for one. Returns the flushes made meanwhile and the end.

        The end is the first request for it, else None. All later ones wait for that one.
        """
        alarm = self._alarm = Alarm()
        if not (self._flushes or self._ends):  # checked after, as make() wakes after the append
            alarm.wait(timeout)
        flushes = self._flushes[:]
        del self._flushes[: len(flushes)]
        return flushes + self._ends[:1]

    def close(self) -> None:
        """Finish all requests, now and later: the sender has ended."""
        self._is_closed = True
        for request in self._flushes + self._ends:
            request.done.set()
