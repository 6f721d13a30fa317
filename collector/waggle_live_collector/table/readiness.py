"""Tells whether answers are complete: a restarted collector waits for the processes it knew.

Until these have returned, the table lacks what they counted since the state file was written. A
scrape could then show less than an earlier one.
"""

from ..clock import Clock
from .processes import Processes

#: The longest wait after the start, in seconds. Clients try to reconnect several times within it.
DEFAULT_RETURN_SECONDS = 2.0


class Readiness:
    """Ready once all processes are back, or :data:`DEFAULT_RETURN_SECONDS` after :meth:`begin`."""

    def __init__(self, *, processes: Processes, clock: Clock) -> None:
        self._processes = processes
        self._clock = clock
        self._until: float | None = None
        self._know_all = False
        self._ready = False

    def begin(self, *, state_loaded: bool) -> None:
        """Start to wait. Without a state wait for the whole time, since no process is known."""
        self._until = self._clock.monotonic() + DEFAULT_RETURN_SECONDS
        self._know_all = state_loaded

    def why_not(self) -> str | None:
        """Return what it waits for; None once it is ready."""
        if self._until is None:
            return "started just now: the state file is being read\n"
        if not self._ready:
            left = self._until - self._clock.monotonic()
            awaited = len(self._processes.awaited)
            if left > 0 and (awaited or not self._know_all):
                whom = f"{awaited} processes" if self._know_all else "processes"
                return f"started just now: waiting for {whom} to return, {left:.1f} s at most\n"
            self._ready = True
            self._processes.awaited.clear()
        return None
