"""How the processes of a plugin ended: counts by status, kept longer than the plugin itself."""

from msgspec import Struct

from ..budget import UNKNOWN, Budget
from ..clock import Seconds
from ..identity.labels import IdentityLabels
from ..messages import Whole
from . import costs
from .remains import Remains

OK, ERROR, STOPPED, LOST = "ok", "error", "stopped", "lost"
#: ``lost``: the process vanished without ``bye``, which is not always an error. The other statuses
#: come from the client.
STATUSES = (OK, ERROR, STOPPED, LOST)
#: Seconds that the counts of an identity are kept after its last process ended. A scraper misses a
#: counter that leaves earlier.
DEFAULT_KEEP_SECONDS = 24 * 3600.0


def known(counts: dict[str, int]) -> dict[str, int]:
    """Return the counts of exactly :data:`STATUSES`. Earlier releases had other statuses."""
    return {status: counts.get(status, 0) for status in STATUSES}


def add(counts: dict[str, int], more: dict[str, int]) -> None:
    """Add to the counts of a plugin."""
    for status, count in more.items():
        counts[status] += count


class GoneRow(Struct, array_like=True):
    """The exits of a plugin that has left the table. A row of the state file."""

    identity: IdentityLabels
    exits: dict[str, Whole]
    #: When its last process ended, in monotonic seconds.
    at: Seconds
    #: Who pays for it, see ``budget.py``.
    principal: str = UNKNOWN
    #: Whether the plugin was proven. None in a file of the release before.
    verified: bool | None = None

    def __post_init__(self) -> None:
        self.exits = known(self.exits)


class Gone(Remains[IdentityLabels, GoneRow]):
    """The counts of plugins that have left. Belongs to the event loop."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(budget, "gone", costs.gone, DEFAULT_KEEP_SECONDS)

    def take(self, identity: IdentityLabels) -> dict[str, int]:
        """Remove and return the counts of a plugin that returns; empty if there are none."""
        row = self.pop(identity)
        return {} if row is None else row.exits
