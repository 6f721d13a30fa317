"""table/buckets.py: fine counts in an array over their span."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from waggle_live.wire.histogram import BOUNDS_NS, MAX_INDEX, MIN_INDEX
from waggle_live_collector.table.buckets import BOUNDS, Buckets, encode_counts

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


def test_counts_grow_out_of_32_bits():
    """A count that doesn't fit any more costs its histogram more memory, and nothing is lost."""
    buckets = Buckets(-60, [2**32 - 1, 0, 7])
    assert buckets.counts.itemsize == 4
    buckets.add_all({-60: 1, -58: 1})
    buckets.add(-50, 2**40)
    assert dict(buckets.items()) == {-60: 2**32, -58: 8, -50: 2**40}
    assert Buckets(-60, buckets.counts) == buckets


@given(st.lists(st.dictionaries(INDEXES, st.integers(1, 2**33), max_size=5), max_size=5))
def test_what_is_subtracted_again_leaves_nothing(parts):
    """In whatever order parts leave; the span is no wider than what is filled."""
    buckets, told = Buckets(), []
    for part in parts:
        buckets.add_all(part)
        one = buckets.emptied()
        one.add_all(part)
        told.append(one)
    for part in told:
        buckets.subtract(part.first, part.counts)
        filled = dict(buckets.items())
        assert len(buckets.counts) == (max(filled) - min(filled) + 1 if filled else 0)
    assert buckets.total() == 0


def test_a_histogram_comes_back_from_its_text():
    """The form of the state file: the first index, and all counts from there on."""
    buckets = Buckets(-3, [1, 0, 2**40])
    text = json.encode(buckets, enc_hook=encode_counts)
    assert text == b"[-3,[1,0,1099511627776]]"
    assert json.decode(text, type=Buckets) == buckets
