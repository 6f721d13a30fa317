"""The fine buckets of a timer: exponential, schema 3, as the clients send them.

Counts stand in an array over the span from the lowest to the highest filled index, which takes a
quarter of the memory of a dict. So they are sorted, and spans, coarse bounds and quantiles are one
pass over them.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from itertools import accumulate

from waggle_live.wire.histogram import BUCKETS_PER_DOUBLING, MAX_INDEX, MIN_INDEX

#: The ``le`` bounds of the exposition in seconds: powers of two, so each is exactly a bound of a
#: fine bucket; one more bin takes the rest, up to infinity.
BOUNDS = tuple(2.0**exponent for exponent in range(-13, 8))
#: The index of the fine bucket that ends at each of them.
_ENDS = tuple(range(-13 * BUCKETS_PER_DOUBLING, 8 * BUCKETS_PER_DOUBLING, BUCKETS_PER_DOUBLING))


class Buckets:
    """Counts by index; whole numbers from 0 to 2^63 - 1. Belongs to the event loop.

    ``counts[0]`` is that of the index ``first``. Indexes are those of
    :mod:`waggle_live.wire.histogram`, from ``MIN_INDEX`` to ``MAX_INDEX``.
    """

    __slots__ = ("counts", "first")

    def __init__(self, first: int = 0, counts: Iterable[int] = ()) -> None:
        self.first = first
        self.counts = array("q", counts)

    def __getitem__(self, index: int) -> int:
        """Return the count of a bucket; 0 of one outside of the span."""
        position = index - self.first
        return self.counts[position] if 0 <= position < len(self.counts) else 0

    def items(self) -> Iterator[tuple[int, int]]:
        """Yield index and count of each filled bucket, lowest first."""
        return ((index, n) for index, n in enumerate(self.counts, self.first) if n)

    def add(self, index: int, n: int) -> None:
        """Add ``n``, which may be negative, to a bucket.

        Raises IndexError if there is no such index, OverflowError over 2^63 - 1; nothing has
        changed then.
        """
        position = index - self.first
        if not 0 <= position < len(self.counts):
            position = self._reach(index)
        self.counts[position] += n

    def total(self) -> int:
        """Return the sum of all buckets."""
        return sum(self.counts)

    def cumulated(self) -> list[int]:
        """Return how many durations are at most as long as each of :data:`BOUNDS`, and all."""
        sums = list(accumulate(self.counts))
        first = _ENDS[0] - self.first
        below = max(-(first // BUCKETS_PER_DOUBLING), 0)  # bounds below the span
        within = sums[first + below * BUCKETS_PER_DOUBLING :: BUCKETS_PER_DOUBLING]
        counts = [*[0] * below, *within][: len(_ENDS)]
        return counts + (sums[-1:] or [0]) * (len(_ENDS) + 1 - len(counts))

    def _reach(self, index: int) -> int:
        """Widen the span to ``index``; return its position."""
        if not MIN_INDEX <= index <= MAX_INDEX:
            raise IndexError(f"there is no bucket {index}")
        if not self.counts:
            self.first = index
            self.counts.append(0)
        elif index < self.first:
            self.counts = array("q", bytes(8 * (self.first - index))) + self.counts
            self.first = index
        else:
            self.counts.frombytes(bytes(8 * (index - self.first + 1 - len(self.counts))))
        return index - self.first
