"""The fine buckets of a timer: exponential, schema 3, as clients send them.

The counts are in an array from the lowest to the highest filled index. That takes a fifth of the
memory of a dict, and is sorted for cumulating. A count takes 32 bits; once one doesn't fit, all
counts of that histogram take 64.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any

from msgspec import Struct

from waggle_live.wire.histogram import BUCKETS_PER_DOUBLING, MAX_INDEX, MIN_INDEX

#: The ``le`` bounds of the classic buckets in seconds. Each is a power of two, and so a bound of
#: fine buckets. One more bucket takes the rest, up to infinity.
BOUNDS = tuple(2.0**exponent for exponent in range(-13, 8))
#: The index of the fine bucket that ends at each bound.
ENDS = tuple(range(-13 * BUCKETS_PER_DOUBLING, 8 * BUCKETS_PER_DOUBLING, BUCKETS_PER_DOUBLING))

#: The largest count that fits into 32 bits. :mod:`.costs` takes histograms with more for wide ones.
MAX_NARROW = (1 << 32) - 1
_NARROW, _WIDE = "I", "q"
_ZERO = {code: array(code, [0]) for code in (_NARROW, _WIDE)}
#: The ``enc_hook`` for msgspec encoders: writes the array of :attr:`Buckets.counts` as a list.
encode_counts = array.tolist


class Buckets(Struct, array_like=True, gc=False):
    """Counts by index, each from 0 to 2^63 - 1. Belongs to the event loop.

    ``counts[0]`` belongs to the index ``first``. The indexes are those of
    :mod:`waggle_live.wire.histogram`, from ``MIN_INDEX`` to ``MAX_INDEX``. ``counts`` is given as a
    list, tuple or array, and kept as an array. Raises ValueError or TypeError for an invalid index
    or count.
    """

    first: int = 0
    counts: Any = ()

    def __post_init__(self) -> None:
        counts = self.counts
        if not isinstance(counts, (list, tuple, array)):
            raise TypeError("the counts of buckets are a list")
        if not MIN_INDEX <= self.first <= MAX_INDEX + 1 - len(counts):
            raise ValueError(f"there are no {len(counts)} buckets from {self.first} on")
        if not counts:
            self.counts = array(_NARROW)
            return
        try:
            self.counts = array(_NARROW, counts)
        except OverflowError:
            self.counts = _widened(counts)

    def __getitem__(self, index: int) -> int:
        """Return the count of a bucket; 0 outside the span."""
        position = index - self.first
        count: int = self.counts[position] if 0 <= position < len(self.counts) else 0
        return count

    def items(self) -> Iterator[tuple[int, int]]:
        """Yield the index and count of each filled bucket, lowest first."""
        return ((index, n) for index, n in enumerate(self.counts, self.first) if n)

    def add(self, index: int, n: int) -> None:
        """Add ``n``, which may be negative, to a bucket.

        Raises IndexError for an invalid index, and OverflowError over 2^63 - 1. Then nothing
        changes.
        """
        self.add_all({index: n})

    def add_all(self, new: Mapping[int, int]) -> None:
        """Add to some buckets. Raises as :meth:`add` does, but some may have changed then."""
        first, counts = self.first, self.counts
        for index, n in new.items():
            if index >= first:
                try:
                    counts[index - first] += n
                    continue
                except (IndexError, OverflowError):
                    pass  # rare: a new bucket, or one that overflows
            self._reach(min(new), max(new))
            self._add(index, n)
            first, counts = self.first, self.counts

    def emptied(self) -> Buckets:
        """Return a histogram of the same span without any counts."""
        buckets = Buckets(self.first)
        buckets.counts = _ZERO[self.counts.typecode] * len(self.counts)
        return buckets

    def subtract(self, first: int, counts: Iterable[int]) -> None:
        """Subtract counts that were added before, the first one at the index ``first``.

        Then drop empty buckets at both ends of the span.
        """
        own = self.counts
        for position, n in enumerate(counts, first - self.first):
            if n:
                own[position] -= n
        if own and not (own[0] and own[-1]):
            filled = [position for position, n in enumerate(own) if n] or [0, -1]
            self.counts = own[filled[0] : filled[-1] + 1]
            self.first += filled[0]

    def clamped(self, buckets: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return (index, count) pairs; counts outside the span go to its first or last bucket."""
        last = self.first + len(self.counts) - 1
        sums: dict[int, int] = {}
        for index, n in buckets:
            nearest = min(max(index, self.first), last)
            sums[nearest] = sums.get(nearest, 0) + n
        return list(sums.items())

    def total(self) -> int:
        """Return the sum of all buckets."""
        return sum(self.counts)

    def cumulated(self) -> list[int]:
        """Return the cumulative counts of the classic buckets, that of ``+Inf`` last."""
        sums = list(accumulate(self.counts))
        first = ENDS[0] - self.first
        below = max(-(first // BUCKETS_PER_DOUBLING), 0)  # bounds below the span
        within = sums[first + below * BUCKETS_PER_DOUBLING :: BUCKETS_PER_DOUBLING]
        counts = [*[0] * below, *within][: len(ENDS)]
        return counts + (sums[-1:] or [0]) * (len(ENDS) + 1 - len(counts))

    def _add(self, index: int, n: int) -> None:
        """Add to a bucket within the span."""
        position = index - self.first
        try:
            self.counts[position] += n
        except OverflowError:
            wide = array(_WIDE, self.counts)
            wide[position] += n
            self.counts = wide

    def _reach(self, low: int, high: int) -> None:
        """Widen the span to the indexes from ``low`` to ``high``; raises IndexError."""
        counts = self.counts
        before, after = self.first - low, high + 1 - self.first - len(counts)
        if counts and before <= 0 and after <= 0:
            return
        if low < MIN_INDEX or high > MAX_INDEX:
            raise IndexError(f"there is no bucket {low if low < MIN_INDEX else high}")
        if not counts:
            before, after = 0, high + 1 - low
            self.first = low
        # Adding arrays allocates exactly what is needed. Appending would reserve more.
        zero = _ZERO[counts.typecode]
        if after > 0:
            self.counts = counts = counts + zero * after
        if before > 0:
            self.counts = zero * before + counts
            self.first = low


def _widened(counts: Any) -> array[int]:
    """Return counts as 64-bit numbers, for at least one doesn't fit into 32. Raises ValueError."""
    try:
        wide = array(_WIDE, counts)
    except OverflowError:
        raise ValueError("a bucket counts over 2^63 - 1") from None
    if min(wide) < 0:
        raise ValueError("a bucket has a negative count")
    return wide
