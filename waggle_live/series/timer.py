"""The state of a timer: durations, their histogram and failures."""

from collections import Counter
from typing import Any, Dict, List, Tuple

from ..wire import histogram
from ..wire.protocol import TIMER
from .state import MAX_WHOLE, Change, Folded, SeriesState, change_together

#: So many durations of a batch show whether it comes from a tight loop, where many are equal. Those
#: are counted instead of sorted, at half the cost.
SAMPLE = 256

_ENDINGS = ("GeneratorExit", "CancelledError", "Cancelled")


class TimerState(SeriesState):
    """Durations in integer nanoseconds: count, sum, min, max, last, histogram, failures."""

    kind = TIMER
    empty = (0, 0, 0, 0, 0, 0, {})

    def reset(self) -> None:
        super().reset()
        # One entry per block that raised. It is appended before the duration, so that the
        # duration's fold finds it.
        self.failed: List[None] = []

    def fail(self, exc_type: Any) -> None:
        """Count a failure. Call it before the block's duration is appended.

        Exceptions that only end a block early are no failures. They are known by name, so that
        asyncio, concurrent.futures and trio need not be imported.
        """
        if not any(each.__name__ in _ENDINGS for each in exc_type.__mro__):
            self.failed.append(None)

    def _fold(self, batch: List[int], folded: Folded, drain: Change) -> None:
        last = max(0, batch[-1])
        count, total, low, high, _, failures, buckets = folded[0]
        buckets = dict(buckets)
        counted: Dict[int, int] = {}
        if len(set(batch[:SAMPLE])) * 2 <= min(len(batch), SAMPLE):
            counted = Counter(batch)
        # Before Python 3.10 two threads may confuse the starts of one kept timer (counted as
        # unmatched_stop). The collector must not refuse the cell for that.
        if counted and len(counted) * 4 <= len(batch) and min(counted) >= 0:
            lowest, highest = min(counted), max(counted)
            added = sum([duration * times for duration, times in counted.items()])
            histogram.add_counted(counted, buckets)
        else:
            batch.sort()
            if batch[0] < 0:
                batch = [max(0, duration) for duration in batch]
            lowest, highest, added = batch[0], batch[-1], sum(batch)
            histogram.add(batch, buckets)
        low = min(low, lowest) if count else lowest
        high = max(high, highest)
        failed = self.failed
        raised = len(failed)
        count, total, failures = count + len(batch), total + added, failures + raised
        new = (count, total, low, high, last, failures, buckets)
        change_together((folded, 0, new), drain, (failed, slice(raised), ()))

    def _add(self, one: Tuple[Any, ...], other: Tuple[Any, ...]) -> Tuple[Any, ...]:
        if not one[0]:
            return other
        count, total, low, high, _, failures, buckets = one
        buckets = dict(buckets)
        for index, more in other[6].items():
            buckets[index] = buckets.get(index, 0) + more
        low, high = min(low, other[2]), max(high, other[3])
        return (
            count + other[0],
            total + other[1],
            low,
            high,
            other[4],
            failures + other[5],
            buckets,
        )

    def _fields(self, *folded: Any) -> str:
        count, total, low, high, last, failures, buckets = folded
        fields = '"count":%d,"sum":%d,"failures":%d' % (count, min(total, MAX_WHOLE), failures)
        if count:
            pairs = ",".join(["[%d,%d]" % pair for pair in sorted(buckets.items())])
            fields += ',"min":%d,"max":%d,"last":%d,"buckets":[%s]' % (low, high, last, pairs)
        return fields
