"""How long each process is not read, so that what all of them send leaves time for scrapes."""

from collections.abc import Callable, Hashable

from ..identity.peer import Peer

#: Seconds that a process waits for each second of work that it made, where no other does.
DEFAULT_WAIT_FACTOR = 2.0


class Turns:
    """Shares out the time of the event loop.

    A process that made us work waits the longer the more others wait: each principal has the same
    share, and within one each process. So all of them together, however many, are given no more
    than half of the time. Connections of one process wait for the work of them all.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        #: Until when it waits: by principal and process.
        self._until: dict[tuple[str, Hashable], float] = {}

    def used(self, peer: Peer, seconds: float) -> float:
        """Note that a process made us work for ``seconds``; return for how long it has to wait."""
        now, key = self._now(), (peer.principal, peer.process)
        self._until = until = {each: at for each, at in self._until.items() if at > now}
        until.setdefault(key, now)
        principals = len({principal for principal, _ in until})
        processes = sum(principal == peer.principal for principal, _ in until)
        until[key] += DEFAULT_WAIT_FACTOR * seconds * principals * processes
        return until[key] - now
