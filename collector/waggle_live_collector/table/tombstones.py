"""What is remembered of processes that are folded, so that one that returns is counted once.

Both sorts are bounded; a process whose tombstone had to go and that still returns is counted anew.
"""

from msgspec import Struct

from ..clock import Seconds
from .process import Process

#: Expired processes, and their rows in all.
DEFAULT_MAX_EXPIRED = 1_000
DEFAULT_MAX_EXPIRED_ROWS = 20_000
#: Closed processes; a client repeats its ``bye`` within a second or never.
DEFAULT_MAX_CLOSED = 2_000
DEFAULT_CLOSED_SECONDS = 300.0


class ClosedRow(Struct, array_like=True):
    """A closed process, in memory and in the state file."""

    id: str
    key_hash: bytes
    at: Seconds


class Tombstones:
    """Expired processes with their rows, closed ones without. Belongs to the event loop."""

    def __init__(self) -> None:
        self.expired: dict[str, Process] = {}
        self.closed: dict[str, ClosedRow] = {}
        #: Expired processes whose tombstone had to go before its plugin did.
        self.forgotten = 0

    def expire(self, process: Process) -> None:
        """Remember a process whose time is over, by its rows."""
        self.expired[process.id] = process
        rows = sum(len(known.rows) for known in self.expired.values())
        while len(self.expired) > DEFAULT_MAX_EXPIRED or rows > DEFAULT_MAX_EXPIRED_ROWS:
            oldest = self.expired.pop(next(iter(self.expired)))
            rows -= len(oldest.rows)
            self.forgotten += 1

    def close(self, process: Process, at: float) -> None:
        """Remember a process that said ``bye``, to answer if it says so again."""
        self.closed[process.id] = ClosedRow(process.id, process.key_hash, at)
        if len(self.closed) > DEFAULT_MAX_CLOSED:
            del self.closed[next(iter(self.closed))]

    def sweep(self, now: float) -> None:
        """Forget what is over its time, and whose plugin has left."""
        for row in list(self.closed.values()):
            if now - row.at < DEFAULT_CLOSED_SECONDS:
                break
            del self.closed[row.id]
        for process in [known for known in self.expired.values() if known.plugin.gone]:
            del self.expired[process.id]
