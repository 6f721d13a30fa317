"""How long a process is not read, so that the load of all plugins leaves time for scrapes."""

from collections.abc import Callable, Hashable

#: Seconds that a process waits for each second of work that it made, where no other waits.
DEFAULT_WAIT_FACTOR = 2.0
#: Who made no more seconds of work lately never waits, and what counts of it a second later.
LITTLE, FADING = 0.01, 0.5
#: Nobody waits longer, in seconds.
LONGEST_WAIT = 2.0

#: Principal, and what tells its processes apart.
Process = tuple[str, Hashable]


class Turns:
    """Shares out the event loop: all who make much work are given about half of its time.

    Whoever made little lately is read at once, whatever the others do. Of the others each principal
    has the same share, and within one each process, however many connections it has. ``now``
    returns monotonic seconds. Belongs to the event loop.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        #: How often any of them was read.
        self.taken = 0
        self._now = now
        #: Seconds of work that each made lately, and when they faded last.
        self._lately: dict[Process, float] = {}
        self._faded_at = now()
        #: Until when those wait that made much.
        self._until: dict[Process, float] = {}

    def wait(self, process: Process) -> float:
        """Return for how long a new connection of a process has to wait."""
        return self._until.get(process, 0.0) - self._now()

    def take(self, process: Process, seconds: float) -> float:
        """Note that a process made work for ``seconds``; return for how long it has to wait."""
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
