"""The base of every series of the table, of any kind.

Three rows belong to a kind (``kinds/``): the *cell* that a client sends, the cell last *applied* of
one process, and the *totals* over all processes. A cell is compared with the applied one, and the
difference is added to the totals. So a repeated cell adds nothing, and a process may return after
any time without being counted twice. The state file keeps the applied rows and the totals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, Self

from msgspec import Struct

from waggle_live.wire.errors import ProtocolError
from waggle_live.wire.protocol import OVERFLOW, Labels

#: Update time of a name that no cell has set yet.
NEVER = float("-inf")
#: The code of what there is no room for.
NO_ROOM = "budget"


class Key(NamedTuple):
    """What a series is found by within its plugin."""

    kind: str
    name: str
    labels: Labels


class Arrival(NamedTuple):
    """When and from whom cells arrived."""

    #: The collector's monotonic clock, now.
    at: float
    #: Seconds in which the differences came about; None: unknown, take a baseline only.
    gap: float | None
    #: Id of the process that reports.
    process: str
    #: Makes room for new buckets of a timer: of the series, for the row that is applied, which
    #: then counts so much, and buckets. Raises ProtocolError.
    grow: Callable[[Series, Any, int, Mapping[int, int]], None]


class Stamp(Struct, eq=False, gc=False):
    """When a name was last updated; shared by series of several kinds under one name."""

    name: str
    labels: Labels
    at: float = NEVER

    def raise_to(self, at: float) -> None:
        """Note an update at the monotonic time ``at``; an older one changes nothing."""
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
        """Whether a process can have only a few of these, which come on top of its limit.

        A client at its limit must still be able to say so, and to send what is over it.
        """
        return self.name == OVERFLOW and not self.labels


class Totals(Row, gc=False):
    """What a series adds up to. Each kind adds its fields."""

    #: Whether an author made the series: only then its update time is shown.
    is_authored: ClassVar[bool] = True

    def series(self, stamp: Stamp) -> Series:
        """Return the series that counts in this row."""
        raise NotImplementedError


class Applied(Row, gc=False):
    """What was last applied of one process. Each kind adds its fields."""

    @property
    def key(self) -> Key:
        """The key of the series. Prometheus takes an empty label for no label, and so it does."""
        return Key(self.kind, self.name, tuple(pair for pair in self.labels if pair[1]))

    def totals(self) -> Any:
        """Return the empty totals of a series that this is the first row of."""
        raise NotImplementedError


class Series:
    """The merged series of one name and kind. Belongs to the event loop.

    Each kind adds ``totals``, ``take`` and ``merge``.
    """

    __slots__ = ("stamp", "totals")
    totals: Any
    #: Whether it has a window of recent values: ``recent``.
    is_windowed: ClassVar[bool] = False
    recent: Any

    def __init__(self, totals: Any, stamp: Stamp) -> None:
        self.totals = totals
        self.stamp = stamp
        if totals.is_authored and self.totals.updated:
            stamp.raise_to(self.totals.updated)

    def take(self, applied: Any, cell: Any, arrival: Arrival) -> None:
        """Count what is new in ``cell``, and keep it in ``applied``.

        Raises ProtocolError (``bad_cell``) if a total would fall or be over ``MAX_WHOLE``; nothing
        has changed then.
        """
        raise NotImplementedError

    def merge(self, other: Self, now: float) -> None:
        """Add all that another series of the same kind holds, which is not used any more.

        Raises OverflowError if a sum would be over ``MAX_WHOLE``; nothing has changed then.
        """
        if self.totals.is_authored:
            self.totals.updated = max(self.totals.updated, other.totals.updated)
        self.stamp.raise_to(other.stamp.at)

    def attach(self, process: str, applied: Any) -> None:
        """A process that reports the series connected; for gauges."""

    def detach(self, process: str) -> None:
        """The process disconnected; for gauges."""


def fell() -> ProtocolError:
    """Return the error for a cumulative value that is lower than it was before."""
    return ProtocolError("bad_cell", "a cumulative value is lower than it was before")


def no_room() -> ProtocolError:
    """Return the error for what there is no room for."""
    return ProtocolError(NO_ROOM, "the collector has no room for it, see its --limit.memory")


def over() -> ProtocolError:
    """Return the error for a cell that would take a sum over :data:`MAX_WHOLE`."""
    return ProtocolError("bad_cell", "it takes a sum of all processes over 2^63 - 1")
