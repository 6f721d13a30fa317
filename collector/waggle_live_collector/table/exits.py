"""How the processes of a plugin ended: counts by status, kept longer than the plugin itself."""

from msgspec import Struct

from ..budget import UNKNOWN, Budget
from ..clock import Seconds
from ..identity.labels import IdentityLabels
from ..messages import Whole
from . import costs
from .remains import Remains

OK, ERROR, STOPPED, LOST = "ok", "error", "stopped", "lost"
#: ``lost``: it vanished without a word, which is no judgement. A client says one of the others.
STATUSES = (OK, ERROR, STOPPED, LOST)
#: Seconds that the counts of an identity are kept after its last process ended: a counter that
#: leaves before it is scraped was never there.
DEFAULT_KEEP_SECONDS = 24 * 3600.0


def known(counts: dict[str, int]) -> dict[str, int]:
    """Return the counts by all of :data:`STATUSES` and no others; earlier releases had others."""
    return {status: counts.get(status, 0) for status in STATUSES}


def add(counts: dict[str, int], more: dict[str, int]) -> None:
    """Add to the counts of a plugin."""
    for status, count in more.items():
        counts[status] += count


class GoneRow(Struct, array_like=True):
    """What is left of a plugin that has left the table; a row of the state file."""

    identity: IdentityLabels
    exits: dict[str, Whole]
    #: Monotonic time of its last end.
    at: Seconds
    #: Who pays for it, see ``budget.py``.
    principal: str = UNKNOWN
    #: It was a proven plugin; None in a file of the release before, which doesn't tell.
    verified: bool | None = None

    def __post_init__(self) -> None:
        self.exits = known(self.exits)


class Gone(Remains[IdentityLabels, GoneRow]):
    """The counts of plugins that have left. Belongs to the event loop."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(budget, "gone", costs.gone, DEFAULT_KEEP_SECONDS)

    def take(self, identity: IdentityLabels) -> dict[str, int]:
        """Return the counts that a plugin goes on with, none where none are kept."""
        row = self.pop(identity)
        return {} if row is None else row.exits
