"""How long each connection is not read, so that what all of them send leaves time for scrapes."""

from collections.abc import Callable, Hashable

#: Seconds that a connection waits for each second of work that it made, where no other does.
DEFAULT_WAIT_FACTOR = 2.0

#: Principal, process, and what tells the connections of a process apart.
Path = tuple[str, Hashable, Hashable]


class Turns:
    """Shares out the time of the event loop.

    A connection that made us work waits the longer the more others wait: each principal has the
    same share, within one each process, and within one each connection. So all of them together,
    however many, are given no more than half of the time.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        #: How often any of them was read.
        self.taken = 0
        self._now = now
        #: Until when it waits.
        self._until: dict[Path, float] = {}

    def begin(self, path: Path) -> float:
        """Return for how long a new connection has to wait: as long as any of its process."""
        of_process = [at for each, at in self._until.items() if each[:2] == path[:2]]
        self._until[path] = max(of_process, default=0.0)
        return self.take(path, 0.0)

    def take(self, path: Path, seconds: float) -> float:
        """Note that a connection made work for ``seconds``; return for how long it has to wait."""
        self.taken += 1
        now = self._now()
        self._until = until = {each: at for each, at in self._until.items() if at > now}
        until.setdefault(path, now)
        siblings = [each for each in until if each[0] == path[0]]
        principals, processes = (
            len({each[0] for each in until}),
            len({each[1] for each in siblings}),
        )
        connections = sum(each[1] == path[1] for each in siblings)
        until[path] += DEFAULT_WAIT_FACTOR * seconds * principals * processes * connections
        return until[path] - now
