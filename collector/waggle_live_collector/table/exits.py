"""How the processes of a plugin ended: counts by status, kept longer than the plugin itself."""

from collections import Counter

from msgspec import Struct

from ..clock import Seconds
from ..identity.labels import IdentityLabels
from ..messages import Whole

OK, ERROR, STOPPED, LOST = "ok", "error", "stopped", "lost"
#: ``lost``: it vanished without a word, which is no judgement. A client says one of the others.
STATUSES = (OK, ERROR, STOPPED, LOST)
#: Seconds that the counts of an identity are kept after its last process ended: a counter that
#: leaves before it is scraped was never there.
DEFAULT_KEEP_SECONDS = 24 * 3600.0
#: Identities without a process that counts are kept of; the one that ended first goes first.
DEFAULT_MAX_GONE = 2_000


def none() -> dict[str, int]:
    """Return the counts of a plugin of which nothing has ended: all are there from the start."""
    return dict.fromkeys(STATUSES, 0)


class GoneRow(Struct, array_like=True):
    """What is left of a plugin that has left the table; a row of the state file."""

    identity: IdentityLabels
    exits: dict[str, Whole]
    #: Monotonic time of its last end.
    at: Seconds
    #: It was a proven plugin; None in a file of the release before, which doesn't tell.
    verified: bool | None = None


class Gone:
    """The counts of plugins that have left. Belongs to the event loop."""

    def __init__(self) -> None:
        self.rows: dict[IdentityLabels, GoneRow] = {}

    def add(
        self,
        identity: IdentityLabels,
        exits: dict[str, int],
        at: float,
        verified: bool | None = None,
    ) -> None:
        """Keep the counts of a plugin that leaves."""
        self.rows.pop(identity, None)
        self.rows[identity] = GoneRow(identity, none() | exits, at, verified)
        if len(self.rows) > DEFAULT_MAX_GONE:
            del self.rows[next(iter(self.rows))]

    def move(self, identity: IdentityLabels, other: IdentityLabels) -> None:
        """Keep the counts under other labels, to which they are added."""
        row = self.rows.pop(identity)
        known = self.rows.get(other)
        counts = row.exits if known is None else dict(Counter(row.exits) + Counter(known.exits))
        self.add(other, counts, row.at, row.verified)

    def take(self, identity: IdentityLabels) -> dict[str, int]:
        """Return the counts that a plugin goes on with, none where none are kept."""
        row = self.rows.pop(identity, None)
        return {} if row is None else row.exits

    def expire(self, now: float) -> bool:
        """Forget what is over its time; true if anything was."""
        over = [row for row in self.rows.values() if now - row.at >= DEFAULT_KEEP_SECONDS]
        for row in over:
            del self.rows[row.identity]
        return bool(over)
