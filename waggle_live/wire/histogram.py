"""The exponential histogram that client, wire and collector share.

Bucket ``i`` counts durations in (2^((i-1)/8), 2^(i/8)] seconds. That is schema 3 of the Prometheus
native histograms and scale 3 of the OpenTelemetry exponential histogram. A bucket is 9.05 % wide,
so its geometric middle is within 4.5 % of everything in it. Durations are integer nanoseconds
throughout, so their sums are exact.
"""

from bisect import bisect_left, bisect_right
from typing import Dict, List, Mapping, Sequence

BUCKETS_PER_DOUBLING = 8
# 2^-30 s is just under a nanosecond, the clock's unit; 2^20 s are twelve days. Values outside count
# in the outermost bucket, so an index is always bounded.
MIN_INDEX = -30 * BUCKETS_PER_DOUBLING
MAX_INDEX = 20 * BUCKETS_PER_DOUBLING

#: Inclusive upper bound of each bucket in nanoseconds, ``BOUNDS_NS[i - MIN_INDEX]``. Powers of two
#: are exact floats, so the coarse ``le`` bounds of the exposition are exact as well.
BOUNDS_NS: List[float] = [
    2.0 ** (i / BUCKETS_PER_DOUBLING) * 1e9 for i in range(MIN_INDEX, MAX_INDEX + 1)
]

# The same as integers, which compare faster with integers. The last bucket also counts longer
# durations.
_BOUNDS: List[float] = [*map(int, BOUNDS_NS[:-1]), float("inf")]


def bucket_index(duration_ns: int) -> int:
    """Return the index of the bucket that counts a duration of ``duration_ns`` nanoseconds."""
    return bisect_left(_BOUNDS, duration_ns) + MIN_INDEX


def add(sorted_ns: Sequence[int], buckets: Dict[int, int]) -> None:
    """Count durations, sorted ascending, in ``buckets`` (index to count).

    One bisection per bucket that occurs, not per value: that makes folding cheap.
    """
    position, end = 0, len(sorted_ns)
    while position < end:
        slot = bisect_left(_BOUNDS, sorted_ns[position])
        after = bisect_right(sorted_ns, _BOUNDS[slot], position)
        index = slot + MIN_INDEX
        buckets[index] = buckets.get(index, 0) + after - position
        position = after


def add_counted(counted_ns: Mapping[int, int], buckets: Dict[int, int]) -> None:
    """Count durations, each with its number of occurrences, in ``buckets``."""
    for duration, count in counted_ns.items():
        index = bucket_index(duration)
        buckets[index] = buckets.get(index, 0) + count


def quantile(buckets: Mapping[int, int], q: float) -> float:
    """Return the ``q`` quantile (0 to 1) in seconds, within 4.5 %; NaN for an empty histogram.

    The rank is that of ``histogram_quantile`` of Prometheus: the smallest bucket whose cumulative
    count reaches ``q`` times the total.
    """
    total = sum(buckets.values())
    if total <= 0:
        return float("nan")
    rank = q * total
    seen = 0
    index = MIN_INDEX
    for index in sorted(buckets):
        seen += buckets[index]
        if seen >= rank:
            break
    return float(2.0 ** ((index - 0.5) / BUCKETS_PER_DOUBLING))
