"""What others ask of a sender: a flush, or the end."""

import threading
from typing import List, Optional

from ..clock import monotonic
from ..series.state import release_if_held


class Request:
    """Somebody waits, at most ``until``, for all that was recorded to be applied."""

    def __init__(self, until: float, status: Optional[str], patient: bool) -> None:
        self.until = until
        self.status = status  # of the bye; None for a flush
        #: Wait for a collector that was there a moment ago.
        self.patient = patient
        #: Of the question whose answer is this one's; None until it is asked.
        self.number: Optional[int] = None
        self.done = threading.Event()
        self.succeeded = False

    def finish(self, succeeded: bool) -> None:
        """Let nobody wait for it any more."""
        self.succeeded = succeeded
        self.done.set()

    def wait(self) -> bool:
        """Wait until it is done or its time is over; return whether all was applied."""
        self.done.wait(max(0.0, self.until - monotonic()))
        return self.succeeded


class Requests:
    """Those that wait for one sender. Any thread makes them, the sender takes them."""

    def __init__(self) -> None:
        self._flushes: List[Request] = []
        self._ends: List[Request] = []
        self._is_closed = False
        # Locked while there is nothing to do. No Event: a flush or close from a signal handler or
        # ``__del__`` within another's Event.set() would wait for its inner lock forever.
        self._wake = threading.Lock()
        self._wake.acquire()

    def make(self, timeout: float, status: Optional[str], patient: bool) -> Request:
        """Make a request and wake the sender; where none takes it any more it is done at once."""
        request = Request(monotonic() + timeout, status, patient)
        (self._flushes if status is None else self._ends).append(request)
        if self._is_closed:  # looked at after the append, as close() looks after setting it
            request.done.set()
        release_if_held(self._wake)  # else it is awake already
        return request

    def take(self, timeout: float) -> List[Request]:
        """Wait at most ``timeout`` for one; return the flushes made meanwhile, and the first end
        if there is one. All others who ask for the end wait for that one."""
        self._wake.acquire(True, max(0.0, timeout))
        flushes = self._flushes[:]
        del self._flushes[: len(flushes)]
        return flushes + self._ends[:1]

    def close(self) -> None:
        """Let nobody wait from now on: the sender has ended."""
        self._is_closed = True
        for request in self._flushes + self._ends:
            request.done.set()
