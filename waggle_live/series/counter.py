"""The state of a counter: a sum of increments."""

import sys
from math import fsum
from typing import Any, List, Tuple

from ..wire.protocol import COUNTER
from .state import FOLD_AT, Change, Folded, SeriesState, change_together

#: The largest value of a counter. It stays there: a counter is finite.
MAX_VALUE = sys.float_info.max
#: The largest value that the wire takes. A larger one is sent as this.
MAX_TOLD = 1e300


class CounterState(SeriesState):
    """A sum of increments. Its subclasses count messages, uploads and problems."""

    kind = COUNTER
    empty = (0,)

    def count(self) -> None:
        """Add 1, in bounded memory even while nothing is sent."""
        self.append(1)
        if len(self.buffer) > FOLD_AT:
            self.fold()

    def _fold(self, batch: List[Any], folded: Folded, drain: Change) -> None:
        value = folded[0][0]
        try:
            # Integers stay exact; floats are added with one rounding a batch.
            added = sum(batch)
            value = value + added if isinstance(added, int) else fsum([value, *batch])
        except OverflowError:
            value = MAX_VALUE
        change_together((folded, 0, (min(value, MAX_VALUE),)), drain)

    def _add(self, one: Tuple[Any, ...], other: Tuple[Any, ...]) -> Tuple[Any, ...]:
        return (min(one[0] + other[0], MAX_VALUE),)

    def _fields(self, *folded: Any) -> str:
        return '"value":%r' % min(folded[0], MAX_TOLD)
