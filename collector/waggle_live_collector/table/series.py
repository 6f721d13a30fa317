"""The base of the series of all kinds.

Each kind (``kinds/``) has three rows: the *cell* that a client sends, the cell last *applied* of
one process, and the *totals* over all processes. A cell is compared with the applied one, and the
difference is added to the totals. So a repeated cell adds nothing, and a process that returns is
counted once. The state file has the applied rows and the totals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, Self

from msgspec import Struct

from waggle_live.wire.errors import ProtocolError
from waggle_live.wire.protocol import OVERFLOW, Labels

#: The update time of a name without an update so far.
NEVER = float("-inf")
#: The code of the error for lack of room.
NO_ROOM = "budget"


class Key(NamedTuple):
    """Identifies a series within its plugin."""

    kind: str
    name: str
    labels: Labels


class Arrival(NamedTuple):
    """When and from whom cells arrived."""

    #: The collector's monotonic clock, now.
    at: float
    #: Seconds in which the differences accrued; None if unknown: then they are a baseline.
    gap: float | None
    #: Id of the process that reports.
    process: str
    #: Holds the bytes of new buckets of a timer. Takes the series, the applied row, its new count,
    #: and the counts of the new buckets. Raises ProtocolError if there is no room.
    grow: Callable[[Series, Any, int, Mapping[int, int]], None]


class Stamp(Struct, eq=False, gc=False):
    """When a name was last updated. Series of several kinds with one name share it."""

    name: str
    labels: Labels
    at: float = NEVER

    def raise_to(self, at: float) -> None:
        """Note an update at the monotonic time ``at``, unless a later one is known."""
        self.at = max(self.at, at)


class Row(Struct, array_like=True):
    """A row of the state file, tagged with its kind."""

    name: str
    labels: Labels

    @property
    def kind(self) -> str:
        """The kind of the series, as the wire names it."""
        return str(self.__struct_config__.tag)

    @property
    def is_bounded(self) -> bool:
        """Whether a process can have only a few of these. They don't count against its limit.

        So a client at its limit can still send the overflow.
        """
        return self.name == OVERFLOW and not self.labels


class Totals(Row, gc=False):
    """The sums of a series over all processes. Each kind adds its fields."""

    #: Whether an author made the series. Only then is its update time shown.
    is_authored: ClassVar[bool] = True

    def series(self, stamp: Stamp) -> Series:
        """Return the series that counts in this row."""
        raise NotImplementedError


class Applied(Row, gc=False):
    """What was last applied of one process. Each kind adds its fields."""

    @property
    def key(self) -> Key:
        """The key of the series, without empty labels: for Prometheus these are no labels."""
        return Key(self.kind, self.name, tuple(pair for pair in self.labels if pair[1]))

    def totals(self) -> Any:
        """Return the empty totals of a new series."""
        raise NotImplementedError


class Series:
    """The merged series of one name and kind. Belongs to the event loop.

    Each kind adds ``totals``, ``take`` and ``merge``.
    """

    __slots__ = ("stamp", "totals")
    totals: Any
    #: Whether it has a window of recent values in ``recent``.
    is_windowed: ClassVar[bool] = False
    recent: Any

    def __init__(self, totals: Any, stamp: Stamp) -> None:
        self.totals = totals
        self.stamp = stamp
        if totals.is_authored and self.totals.updated:
            stamp.raise_to(self.totals.updated)

    def take(self, applied: Any, cell: Any, arrival: Arrival) -> None:
        """Add what is new in ``cell`` to the totals, and keep the cell in ``applied``.

        Raises ProtocolError (``bad_cell``) if a total would fall or be over ``MAX_WHOLE``. Then
        nothing changes.
        """
        raise NotImplementedError

    def merge(self, other: Self, now: float) -> None:
        """Add another series of the same kind, which must not be used afterwards.

        ``now`` is monotonic. Raises OverflowError if a sum would be over ``MAX_WHOLE``. Then
        nothing changes.
        """
        if self.totals.is_authored:
            self.totals.updated = max(self.totals.updated, other.totals.updated)
        self.stamp.raise_to(other.stamp.at)

    def attach(self, process: str, applied: Any) -> None:
        """Note that a process with this series connected. Only gauges use it."""

    def detach(self, process: str) -> None:
        """Note that the process disconnected. Only gauges use it."""


def fell() -> ProtocolError:
    """Return the error for a cumulative value that is lower than it was before."""
    return ProtocolError("bad_cell", "a cumulative value is lower than it was before")


def no_room() -> ProtocolError:
    """Return the error for lack of room in the budget."""
    return ProtocolError(NO_ROOM, "the collector has no room for it, see its --limit.memory")


def over() -> ProtocolError:
    """Return the error for a cell that would take a sum over :data:`MAX_WHOLE`."""
    return ProtocolError("bad_cell", "it takes a sum of all processes over 2^63 - 1")
