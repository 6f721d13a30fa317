"""The base of kinds that only add up whole numbers: counts of the client, functions, TAU runs."""

from typing import Any, ClassVar, Self

from ...messages import MAX_WHOLE
from ..series import Arrival, Series, fell, over


class SummedSeries(Series):
    """Sums that only rise. ``sums`` are the names of their fields in cells, rows and totals.

    A field of None is a sum that a cell doesn't have, or that no process has reported.
    """

    __slots__ = ()
    sums: ClassVar[tuple[str, ...]]

    def take(self, applied: Any, cell: Any, arrival: Arrival) -> None:
        """Count what is new in ``cell``; raises ProtocolError (``bad_cell``)."""
        told = {name: value for name in self.sums if (value := getattr(cell, name)) is not None}
        new = {name: value - (getattr(applied, name) or 0) for name, value in told.items()}
        if any(value < 0 for value in new.values()):
            raise fell()
        if self._is_over(new):
            raise over()
        for name, value in told.items():
            self._add(name, new[name])
            setattr(applied, name, value)

    def merge(self, other: Self, now: float) -> None:
        """Add the sums of another series; raises OverflowError."""
        more = other.totals
        told = {name: value for name in self.sums if (value := getattr(more, name)) is not None}
        if self._is_over(told):
            raise OverflowError
        super().merge(other, now)
        for name, value in told.items():
            self._add(name, value)

    def _is_over(self, new: dict[str, int]) -> bool:
        """Tell whether a total would be over ``MAX_WHOLE``."""
        totals = self.totals
        return any((getattr(totals, name) or 0) + n > MAX_WHOLE for name, n in new.items())

    def _add(self, name: str, value: int) -> None:
        setattr(self.totals, name, (getattr(self.totals, name) or 0) + value)
