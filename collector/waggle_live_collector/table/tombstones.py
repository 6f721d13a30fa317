"""What is kept of expired and closed processes, so that one that returns is counted once.

The rows of an expired process may be dropped for lack of room. If it returns it is refused, or it
would be counted twice. A process that returns after the times below is counted anew.
"""

from msgspec import Struct

from ..budget import UNKNOWN, Budget
from ..clock import Seconds
from . import costs
from .exits import DEFAULT_KEEP_SECONDS
from .process import KeyHash, Process
from .remains import Remains

#: Seconds that a closed process is kept. A client repeats its ``bye`` within a second or never.
DEFAULT_CLOSED_SECONDS = 300.0
#: Seconds that an expired process is kept if the kernel said that it ended. Its session may still
#: return: a script that pipes into ``socat`` sends each line from another process.
DEFAULT_GONE_SECONDS = 3600.0


class ClosedRow(Struct, array_like=True):
    """A closed process. A row of the state file."""

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
        """Keep a process that said ``bye``, to answer a repeated one."""
        row = ClosedRow(process.id, process.key_hash, at, process.principal)
        self.closed.add(process.id, row)

    def sweep(self, now: float) -> None:
        """Drop what is over its time, and processes whose plugin has left."""
        self.closed.expire(now)
        for process in list(self.expired.values()):
            seconds = DEFAULT_GONE_SECONDS if process.has_ended else DEFAULT_KEEP_SECONDS
            if process.plugin.gone or now - process.left_at >= seconds:
                del self.expired[process.id]
                process.account.close()
