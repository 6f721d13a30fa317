"""What is remembered of processes that are folded, so that one that returns is counted once.

For lack of room the rows of an expired process may have to go: one that returns is then refused
rather than counted twice. Only one that returns after its time would be counted anew.
"""

from msgspec import Struct

from ..budget import UNKNOWN, Budget
from ..clock import Seconds
from . import costs
from .exits import DEFAULT_KEEP_SECONDS
from .process import KeyHash, Process
from .remains import Remains

#: A client repeats its ``bye`` within a second or never.
DEFAULT_CLOSED_SECONDS = 300.0
#: One that the kernel says is gone returns only where each line of a session comes from a process
#: of its own, as from a script that pipes into ``socat``.
DEFAULT_GONE_SECONDS = 3600.0


class ClosedRow(Struct, array_like=True):
    """A closed process, in memory and in the state file."""

    id: str
    key_hash: KeyHash
    at: Seconds
    #: Who pays for it, see ``budget.py``.
    principal: str = UNKNOWN


class Tombstones:
    """Expired processes with their rows, closed ones without. Belongs to the event loop."""

    def __init__(self, budget: Budget) -> None:
        self.expired: dict[str, Process] = {}
        self.closed: Remains[str, ClosedRow] = Remains(
            budget, "closed", lambda _: costs.CLOSED, DEFAULT_CLOSED_SECONDS
        )

    def close(self, process: Process, at: float) -> None:
        """Remember a process that said ``bye``, to answer if it says so again."""
        row = ClosedRow(process.id, process.key_hash, at, process.principal)
        self.closed.add(process.id, row)

    def sweep(self, now: float) -> None:
        """Forget what is over its time, and whose plugin has left."""
        self.closed.expire(now)
        for process in list(self.expired.values()):
            seconds = DEFAULT_GONE_SECONDS if process.has_ended else DEFAULT_KEEP_SECONDS
            if process.plugin.gone or now - process.left_at >= seconds:
                del self.expired[process.id]
                process.account.close()
