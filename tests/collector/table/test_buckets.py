"""table/buckets.py: fine counts in an array over their span."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waggle_live.wire.histogram import BOUNDS_NS, MAX_INDEX, MIN_INDEX
from waggle_live_collector.table.buckets import BOUNDS, Buckets

INDEXES = st.integers(MIN_INDEX, MAX_INDEX)


@given(st.lists(st.tuples(INDEXES, st.integers(0, 1000))))
def test_counts_are_those_of_a_dict(added):
    """Whatever order indexes come in, each bucket has the sum of what was added to it."""
    buckets, told = Buckets(), Counter()
    for index, n in added:
        buckets.add(index, n)
        told[index] += n
    assert dict(buckets.items()) == {index: n for index, n in told.items() if n}
    assert [index for index, _ in buckets.items()] == sorted(dict(buckets.items()))
    assert buckets.total() == sum(told.values())
    for index in (MIN_INDEX, -1, 0, MAX_INDEX):
        assert buckets[index] == told[index]


@given(st.dictionaries(INDEXES, st.integers(1, 1000)))
def test_cumulated_counts_what_is_within_each_bound(counts):
    """Each coarse bound is one of a fine bucket, so no duration is on the wrong side of it."""
    buckets = Buckets()
    for index, n in counts.items():
        buckets.add(index, n)
    expected = [
        sum(n for index, n in counts.items() if BOUNDS_NS[index - MIN_INDEX] <= bound * 1e9)
        for bound in BOUNDS
    ]
    assert buckets.cumulated() == [*expected, sum(counts.values())]


@pytest.mark.parametrize("index", [MIN_INDEX - 1, MAX_INDEX + 1])
def test_there_is_no_bucket_outside_of_the_range(index):
    """An index out of the wire's range is an error, and adds nothing."""
    buckets = Buckets()
    with pytest.raises(IndexError, match="there is no bucket"):
        buckets.add(index, 1)
    assert buckets.total() == 0


def test_a_sum_over_the_range_is_an_error_and_changes_nothing():
    """A count stays within 2^63 - 1."""
    buckets = Buckets(3, [2**63 - 1])
    with pytest.raises(OverflowError):
        buckets.add(3, 1)
    assert buckets[3] == 2**63 - 1
