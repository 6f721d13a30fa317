"""Tells how long a process isn't read, so that the load of plugins leaves time for scrapes."""

from collections.abc import Callable, Hashable

#: Seconds that a process waits for each second of work that it caused, if no other waits.
DEFAULT_WAIT_FACTOR = 2.0
#: A process that lately caused at most this many seconds of work never waits. And the factor by
#: which that work counts less each second.
LITTLE, FADING = 0.01, 0.5
#: The longest wait in seconds.
LONGEST_WAIT = 2.0

#: A principal, and the name of its process.
Process = tuple[str, Hashable]


class Turns:
    """Shares out the event loop. All processes that cause much work get about half of its time.

    A process that lately caused little work is read at once. Of the others, each principal has the
    same share, and so has each process of one, however many connections it has. ``now`` returns
    monotonic seconds. Belongs to the event loop.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        #: How often any process was read.
        self.taken = 0
        self._now = now
        #: Seconds of work that each process lately caused, and when these were last reduced.
        self._lately: dict[Process, float] = {}
        self._faded_at = now()
        #: The time until which each process waits.
        self._until: dict[Process, float] = {}

    def wait(self, process: Process) -> float:
        """Return the seconds that a new connection of a process has to wait."""
        return self._until.get(process, 0.0) - self._now()

    def take(self, process: Process, seconds: float) -> float:
        """Note ``seconds`` of work that a process caused. Return how many it has to wait."""
        self.taken += 1
        now = self._now()
        self._fade(now)
        self._lately[process] = self._lately.get(process, 0.0) + seconds
        if self._lately[process] <= LITTLE:
            return 0.0
        waiting = self._until = {each: at for each, at in self._until.items() if at > now}
        begin = waiting.setdefault(process, now)
        siblings = sum(principal == process[0] for principal, _ in waiting)
        parts = siblings * len({principal for principal, _ in waiting})
        until = begin + DEFAULT_WAIT_FACTOR * seconds * parts
        waiting[process] = min(until, now + LONGEST_WAIT)
        return waiting[process] - now

    def _fade(self, now: float) -> None:
        if now - self._faded_at >= 1:
            part = FADING ** (now - self._faded_at)
            self._faded_at = now
            faded = {each: part * work for each, work in self._lately.items()}
            self._lately = {each: work for each, work in faded.items() if work > LITTLE / 100}
