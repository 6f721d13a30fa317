"""How long each process is not read, so that what all of them send leaves time for scrapes."""

from collections.abc import Callable, Hashable

#: Seconds that a process waits for each second of work that it made, where no other does.
DEFAULT_WAIT_FACTOR = 2.0


class Turns:
    """Shares out the time of the event loop.

    A process that made us work waits the longer the more others wait: each principal has the same
    share, and within one each process. So all of them together, however many, are given no more
    than half of the time. Connections of one process wait for the work of them all.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        #: How often any of them was read.
        self.taken = 0
        self._now = now
        #: Until when it waits: by principal and process.
        self._until: dict[tuple[str, Hashable], float] = {}

    def take(self, principal: str, process: Hashable, seconds: float) -> float:
        """Note that a process made us work for ``seconds``; return for how long it has to wait."""
        self.taken += 1
        now, key = self._now(), (principal, process)
        self._until = until = {each: at for each, at in self._until.items() if at > now}
        until.setdefault(key, now)
        principals = len({each for each, _ in until})
        processes = sum(each == principal for each, _ in until)
        until[key] += DEFAULT_WAIT_FACTOR * seconds * principals * processes
        return until[key] - now
