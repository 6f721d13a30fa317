"""What the kinds share that only add up whole numbers, and are no author's."""

from typing import Any, ClassVar, Self

from ...messages import MAX_WHOLE
from ..series import Arrival, Series, fell, over


class SummedSeries(Series):
    """Sums that only rise: cells and rows have each by the names of ``sums``.

    One kind of row is enough: what was applied of a process has the fields of the totals. None
    stands for a sum that a cell doesn't tell, or that no process has told.
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
        """Tell whether a sum would be more than may be counted."""
        totals = self.totals
        return any((getattr(totals, name) or 0) + n > MAX_WHOLE for name, n in new.items())

    def _add(self, name: str, value: int) -> None:
        setattr(self.totals, name, (getattr(self.totals, name) or 0) + value)
