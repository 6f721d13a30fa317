"""The last ten seconds of one sum, in one-second slots of differences.

Cells on the wire are cumulative; what is recent is the difference to what was held before.
It is put into the slot of the second in which it arrived, or spread over the seconds it took
when an update was long in coming, so that a reconnect makes no burst. Slots belong to whole
seconds of the collector's monotonic clock; a slot that left the window is subtracted again,
so that reading costs no merging.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

WINDOW = 10
#: A difference over at most this many seconds is put whole into the current slot.
SHORT_GAP = 1.25
#: What is under way between a sender and here, at its interval of 0.25 s.
MAX_LAG = 0.25
#: A rate is never taken over less than this many seconds.
MIN_SPAN = 1.0

_NONE: Mapping[int, int] = {}


@dataclass(slots=True, eq=False)
class Recent:
    """A sliding window over one merged sum; ``count``, ``sum`` (ns), ``buckets`` sum it up."""

    _born: float | None = None
    _latest: float = -math.inf
    #: The second that ``_now`` collects.
    _second: int = -(1 << 62)
    _now: Slot | None = None
    #: Seconds before, oldest first: (second, start, count, sum, bucket, count, bucket, ...).
    #: They are only ever subtracted again; flat tuples take a third of the memory.
    _slots: list[tuple[Any, ...]] = field(default_factory=list)
    count: int = 0
    sum: int = 0
    buckets: dict[int, int] = field(default_factory=dict)
    #: Rises whenever something left the window.
    version: int = 0

    def add(
        self,
        at: float,
        gap: float | None,
        count: int,
        total: int = 0,
        buckets: Mapping[int, int] = _NONE,
    ) -> None:
        """Take in ``count`` events of the ``gap`` seconds up to ``at`` (now).

        A gap of None makes them a baseline: what a returning process counted before is not recent.
        """
        if gap is None:
            if self._born is None:
                self._born = self._latest = at
            return
        self._latest = at
        if not count:
            return
        self.advance(at)
        if self._born is None:
            self._born = at - gap
        start, second = at - gap, self._second
        if gap <= SHORT_GAP:
            self._put(start, count, total, buckets)
            return
        first = max(start, float(second - WINDOW + 1))
        # Whole events, so shares are rounded cumulatively: they add up to the whole. The sum
        # follows the events, so that a mean is never made of one without the other.
        before = (first - start) / gap
        share = int(count * before)
        for past in range(int(first), second + 1):
            upto = min((past + 1 - start) / gap, 1.0)
            share_upto = int(count * upto)
            part = share_upto - share
            total_part = total * share_upto // count - total * share // count
            shares = {i: int(n * upto) - int(n * before) for i, n in buckets.items()}
            shares = {i: n for i, n in shares.items() if n}
            begin = max(first, float(past))
            if past == second:
                self._put(begin, part, total_part, shares)
            else:
                flat = chain.from_iterable(shares.items())
                insort(self._slots, (past, begin, part, total_part, *flat))
                self._sum_up(part, total_part, shares)
            before, share = upto, share_upto

    def advance(self, now: float) -> None:
        """Drop what left the window."""
        second = int(now)
        if second <= self._second:
            return
        slots, last = self._slots, self._now
        if last is not None:
            flat = chain.from_iterable(last.buckets.items())
            slots.append((self._second, last.start, last.count, last.sum, *flat))
            self._now = None
        self._second = second
        first = second - WINDOW + 1
        while slots and slots[0][0] < first:
            self._subtract(slots.pop(0))
            self.version += 1

    def absorb(self, other: Recent, now: float) -> None:
        """Take in all that another window holds."""
        self.advance(now)
        other.advance(now)
        for slot in other._slots:
            insort(self._slots, slot)
            _, _, count, total, *flat = slot
            self._sum_up(count, total, dict(zip(flat[::2], flat[1::2], strict=True)))
        last = other._now
        if last is not None:
            self._put(last.start, last.count, last.sum, last.buckets)
        if other._born is not None:
            self._born = other._born if self._born is None else min(self._born, other._born)
        self._latest = max(self._latest, other._latest)

    def per_second(self, now: float, lag: float = MAX_LAG) -> float:
        """Return events per second over the window, or over its age if it is younger.

        ``lag``: for how many seconds events can be under way.
        """
        if not self.count or self._born is None:
            return 0.0
        start: float = int(now) - WINDOW + 1
        if self._slots and self._slots[0][0] == start:
            # The oldest slot's first difference may have begun to accrue before the window does.
            start = self._slots[0][1]
        # Events since the latest update are still on their way: don't count that time.
        end = max(self._latest, now - lag)
        return self.count / max(end - max(self._born, start), MIN_SPAN)

    def _put(self, start: float, count: int, total: int, buckets: Mapping[int, int]) -> None:
        """Add to the current second."""
        slot = self._now
        if slot is None:
            slot = self._now = Slot(start)
        slot.count += count
        slot.sum += total
        for index, n in buckets.items():
            slot.buckets[index] = slot.buckets.get(index, 0) + n
        self._sum_up(count, total, buckets)

    def _sum_up(self, count: int, total: int, buckets: Mapping[int, int]) -> None:
        self.count += count
        self.sum += total
        for index, n in buckets.items():
            self.buckets[index] = self.buckets.get(index, 0) + n

    def _subtract(self, slot: tuple[Any, ...]) -> None:
        _, _, count, total, *flat = slot
        self.count -= count
        self.sum -= total
        pairs = iter(flat)
        for index, n in zip(pairs, pairs, strict=True):
            left = self.buckets[index] - n
            if left:
                self.buckets[index] = left
            else:
                del self.buckets[index]


@dataclass(slots=True, eq=False)
class Slot:
    """The differences of the current second; they began to accrue at ``start``."""

    start: float
    count: int = 0
    sum: int = 0
    buckets: dict[int, int] = field(default_factory=dict)
