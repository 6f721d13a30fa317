"""Counts that the client keeps by itself: published messages, uploaded files, and problems."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from msgspec import Struct

from waggle_live.wire.errors import ProtocolError
from waggle_live.wire.protocol import MESSAGES, OVERFLOW, PROBLEM, PROBLEMS, UPLOADS, Labels

from ... import messages
from ...messages import Whole
from ..recent import Recent
from ..series import NEVER, Arrival, Key, Stamp
from . import names
from .summed import SummedSeries


class _CountCell(messages.Cell, kw_only=True):
    value: Whole

    def first(self) -> CountRow:
        """Return the empty row of a series that is new to its process; raises ProtocolError."""
        return CountRow(self.kind, self._checked_name(), ())

    def _checked_name(self) -> str:
        raise NotImplementedError


class MessagesCell(_CountCell, tag=MESSAGES):
    """How many messages the plugin published under a name."""

    kind: ClassVar[str] = MESSAGES

    def _checked_name(self) -> str:
        names.unlabelled(self)
        return names.named(self)


class UploadsCell(_CountCell, tag=UPLOADS):
    """How many files the plugin uploaded."""

    kind: ClassVar[str] = UPLOADS
    name: str = ""

    def _checked_name(self) -> str:
        return names.nameless(self)


class ProblemCell(_CountCell, tag=PROBLEM):
    """How often the client met a bound or a misuse; its name says which."""

    kind: ClassVar[str] = PROBLEM

    def _checked_name(self) -> str:
        if self.name not in PROBLEMS:
            text = f"a problem is one of {', '.join(PROBLEMS)}, not {self.name[:60]!r}"
            raise ProtocolError("bad_cell", text)
        return names.unlabelled(self)


CountCell = MessagesCell | UploadsCell | ProblemCell


class CountRow(Struct, array_like=True, tag="count", gc=False):
    """What was applied of one process. The totals over all processes are such a row too."""

    is_authored: ClassVar[bool] = False
    kind: str
    name: str
    labels: Labels
    value: Whole = 0

    @property
    def key(self) -> Key:
        """The key of the series."""
        return Key(self.kind, self.name, self.labels)

    @property
    def is_bounded(self) -> bool:
        """Whether a process can have only a few of these. They don't count against its limit."""
        return self.kind in (UPLOADS, PROBLEM) or self.name == OVERFLOW

    def totals(self) -> CountRow:
        """Return the totals of a new series."""
        return CountRow(self.kind, self.name, self.labels)

    def series(self, stamp: Stamp) -> CountSeries:
        """Return the series that counts in this row."""
        return CountSeries(self, stamp)


class CountSeries(SummedSeries):
    """The sum of one kind and name. ``recent`` has the counts of the last ten seconds."""

    __slots__ = ("recent",)
    is_windowed = True
    recent: Recent
    sums = ("value",)
    totals: CountRow

    def __init__(self, totals: CountRow, stamp: Stamp) -> None:
        super().__init__(totals, stamp)
        self.recent = Recent()

    def take(self, applied: CountRow, cell: Any, arrival: Arrival) -> None:
        """Count what is new in ``cell``; raises ProtocolError (``bad_cell``)."""
        before = applied.value
        super().take(applied, cell, arrival)
        new = applied.value - before
        # The state file doesn't have the time of the update. The first cell after a restart has it.
        if new or self.stamp.at == NEVER:
            self.stamp.raise_to(arrival.at - cell.age)
        self.recent.add(arrival.at, arrival.gap, new)

    def merge(self, other: Self, now: float) -> None:
        """Add what another series counted. Raises OverflowError."""
        super().merge(other, now)
        self.recent.absorb(other.recent, now)

    def value(self) -> int:
        """Return the sum over all processes."""
        return self.totals.value
