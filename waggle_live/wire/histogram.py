"""The exponential histogram that client, wire and collector share.

Bucket ``i`` counts durations in (2^((i-1)/8), 2^(i/8)] seconds. That is schema 3 of the
Prometheus native histograms and scale 3 of the OpenTelemetry exponential histogram, whose
buckets are 9.05 % wide, so that the geometric middle of a bucket is within 4.5 % of
everything in it. Durations are integer nanoseconds throughout: their sums are exact.
"""

from bisect import bisect_left, bisect_right
from typing import Dict, List, Mapping, Sequence

BUCKETS_PER_DOUBLING = 8
# 2^-30 s is just under a nanosecond, the clock's unit; 2^20 s are twelve days. What lies
# outside is counted in the outermost bucket, so that an index is always bounded.
MIN_INDEX = -30 * BUCKETS_PER_DOUBLING
MAX_INDEX = 20 * BUCKETS_PER_DOUBLING

#: Inclusive upper bound of each bucket in nanoseconds, ``BOUNDS_NS[i - MIN_INDEX]``. Powers
#: of two are exact floats, so the coarse ``le`` bounds of the exposition are exact as well.
BOUNDS_NS: List[float] = [
    2.0 ** (i / BUCKETS_PER_DOUBLING) * 1e9 for i in range(MIN_INDEX, MAX_INDEX + 1)
]

# The same for whole nanoseconds, since integers compare faster with integers. The last bucket
# counts what is longer, too.
_BOUNDS: List[float] = [*map(int, BOUNDS_NS[:-1]), float("inf")]


def bucket_index(duration_ns: int) -> int:
    """Return the index of the bucket that counts a duration of ``duration_ns`` nanoseconds."""
    return bisect_left(_BOUNDS, duration_ns) + MIN_INDEX


def add(sorted_ns: Sequence[int], buckets: Dict[int, int]) -> None:
    """Count durations, sorted ascending, in ``buckets`` (index to count).

    Bisecting once per bucket that occurs, not once per value, is what makes folding cheap.
    """
    position, end = 0, len(sorted_ns)
    while position < end:
        slot = bisect_left(_BOUNDS, sorted_ns[position])
        after = bisect_right(sorted_ns, _BOUNDS[slot], position)
        index = slot + MIN_INDEX
        buckets[index] = buckets.get(index, 0) + after - position
        position = after


def add_counted(counted_ns: Mapping[int, int], buckets: Dict[int, int]) -> None:
    """Count durations, given with how often each occurs, in ``buckets``."""
    for duration, count in counted_ns.items():
        index = bucket_index(duration)
        buckets[index] = buckets.get(index, 0) + count


def quantile(buckets: Mapping[int, int], q: float) -> float:
    """Return the ``q`` quantile (0 to 1) in seconds, within 4.5 %; NaN of an empty histogram.

    The rank is that of the Prometheus ``histogram_quantile``: the smallest bucket whose
    cumulative count reaches ``q`` times the total.
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
