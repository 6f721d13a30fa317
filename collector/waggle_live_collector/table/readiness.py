"""Whether the answers are whole yet: a restarted collector waits for those it knew.

Until the processes that were connected are back, the table lacks what they counted since the
state file was written; a scrape then could show less than one before.
"""

from ..clock import Clock
from .processes import Processes

#: Longest wait after the start, in seconds. Clients reconnect several times within it.
DEFAULT_RETURN_SECONDS = 2.0


class Readiness:
    """Ready when everybody is back, or :data:`DEFAULT_RETURN_SECONDS` after :meth:`begin`."""

    def __init__(self, *, processes: Processes, clock: Clock) -> None:
        self._processes = processes
        self._clock = clock
        self._until: float | None = None
        self._know_all = False
        self._ready = False

    def begin(self, *, state_loaded: bool) -> None:
        """Wait from now on; without a state for the whole time, for nobody knows for whom."""
        self._until = self._clock.monotonic() + DEFAULT_RETURN_SECONDS
        self._know_all = state_loaded

    def why_not(self) -> str | None:
        """Return what is being waited for; None once ready, and from then on."""
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
