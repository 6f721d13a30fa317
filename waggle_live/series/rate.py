"""The state of a rate: events, or blocks and their time."""

from typing import Any, List, Tuple

from ..wire.protocol import OVERFLOW, RATE
from .state import MAX_WHOLE, Change, Folded, SeriesState, change_together


class RateState(SeriesState):
    """Events: their count and the time between the last two. Of blocks also their duration.

    ``buffer`` holds clock readings of ticks or durations of blocks, in nanoseconds. Of several
    events at once it holds the reading and their number. These share the time since the events
    before them evenly, so ``last`` is that time for each.
    """

    kind = RATE
    #: Whether it is used as a block, and not ticked.
    blocks = False
    #: Whether several events at once were ever recorded. Set before they are.
    batched = False
    empty = (0, 0, None, None)  # count, sum, last, the last tick's clock

    def fail(self, exc_type: Any) -> None:
        """Do nothing: a rate counts no failures."""

    def _fold(self, batch: List[Any], folded: Folded, drain: Change) -> None:
        count, total, last, previous = folded[0]
        events = len(batch)
        if self.blocks:
            total += sum(batch if min(batch) >= 0 else [max(0, duration) for duration in batch])
            last = max(0, batch[-1])
        else:
            if self.batched:
                events = sum([1 if type(entry) is int else entry[1] for entry in batch])
            before = _reading(batch[-2])[0] if len(batch) > 1 else previous
            previous, at_once = _reading(batch[-1])
            if before is not None:
                # Two threads may append their readings in the wrong order.
                last = abs(previous - before) // at_once
        change_together((folded, 0, (count + events, total, last, previous)), drain)

    def _add(self, one: Tuple[Any, ...], other: Tuple[Any, ...]) -> Tuple[Any, ...]:
        return (one[0] + other[0], *one[1:])

    def _fields(self, *folded: Any) -> str:
        count, total, last, _ = folded
        fields = '"count":%d' % min(count, MAX_WHOLE)
        if self.blocks:
            fields += ',"sum":%d' % min(total, MAX_WHOLE)
        # The overflow series mixes events of many rates: no two of them belong together.
        if last is not None and self.name != OVERFLOW:
            fields += ',"last":%d' % last
        return fields


def _reading(entry: Any) -> Tuple[int, int]:
    """Return the clock's reading in a buffer's entry, and its number of events."""
    return (entry, 1) if type(entry) is int else entry
