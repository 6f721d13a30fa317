"""The state of a rate: events, or blocks and their time."""

from typing import Any, Dict, List

from ..wire.protocol import OVERFLOW, RATE
from .state import Change, Folded, SeriesState, change_together


class RateState(SeriesState):
    """Events: their count and the time between the last two; of blocks also their time.

    ``buffer`` holds clock readings of ticks or durations of blocks, both in nanoseconds.
    """

    kind = RATE
    #: Whether it is used as a block, and not ticked.
    blocks = False
    empty = (0, 0, None, None)  # count, sum, last, the last tick's clock

    def fail(self, exc_type: Any) -> None:
        """A rate counts no failures."""

    def _fold(self, batch: List[int], folded: Folded, drain: Change) -> None:
        count, total, last, previous = folded[0]
        if self.blocks:
            total += sum(batch if min(batch) >= 0 else [max(0, duration) for duration in batch])
            last = max(0, batch[-1])
        else:
            before = batch[-2] if len(batch) > 1 else previous
            previous = batch[-1]
            if before is not None:
                # Two threads may append their readings the wrong way round.
                last = abs(previous - before)
        change_together((folded, 0, (count + len(batch), total, last, previous)), drain)

    def _message(self, *folded: Any) -> Dict[str, Any]:
        count, total, last, _ = folded
        message: Dict[str, Any] = {"count": count}
        if self.blocks:
            message["sum"] = total
        # The overflow series mixes the events of many: no two of them belong together.
        if last is not None and self.name != OVERFLOW:
            message["last"] = last
        return message
