"""The shared exponential histogram."""

import math
import random

import pytest

from waggle_live.wire import histogram


def test_bounds_are_powers_of_the_eighth_root_of_two():
    """Bucket i ends at 2^(i/8) seconds, exactly for whole powers of two."""
    for index in range(histogram.MIN_INDEX, histogram.MAX_INDEX + 1):
        bound = histogram.BOUNDS_NS[index - histogram.MIN_INDEX]
        assert bound == pytest.approx(2 ** (index / 8) * 1e9, rel=1e-12)
        if index % 8 == 0:
            assert bound == 2.0 ** (index // 8) * 1e9
    assert sorted(set(histogram.BOUNDS_NS)) == histogram.BOUNDS_NS


@pytest.mark.parametrize("exponent", [-9, -3, 0, 1, 7, 20])
def test_upper_bound_belongs_to_its_bucket(exponent):
    """A duration of exactly a bound is counted at or below it, the next one above."""
    bound = int(2.0**exponent * 1e9)
    assert bound == 2.0**exponent * 1e9
    assert histogram.bucket_index(bound) == 8 * exponent
    assert histogram.bucket_index(bound + 1) == min(8 * exponent + 1, histogram.MAX_INDEX)


def test_outside_goes_to_the_outermost():
    """Zero and the shortest, twelve days and years: an index is always in range."""
    assert histogram.bucket_index(0) == histogram.MIN_INDEX
    assert histogram.bucket_index(1) == histogram.MIN_INDEX + 1  # 2^-30 s is 0.93 ns
    assert histogram.bucket_index(2**62) == histogram.MAX_INDEX


def test_add_equals_one_by_one():
    """Counting a sorted batch gives what counting each value alone gives."""
    chance = random.Random(1)
    for _ in range(50):
        size = chance.randrange(300)
        values = sorted(int(10 ** chance.uniform(-1, 18)) for _ in range(size))
        values += [2**62] * chance.randrange(3)
        batch, single = {5: 2}, {5: 2}
        histogram.add(values, batch)
        for value in values:
            index = histogram.bucket_index(value)
            single[index] = single.get(index, 0) + 1
        assert batch == single


@pytest.mark.parametrize("q", [0, 0.01, 0.5, 0.9, 0.95, 0.99, 1])
def test_quantile_is_within_four_and_a_half_percent(q):
    """Any quantile is within 4.5 % of the true one."""
    chance = random.Random(2)
    values = sorted(int(10 ** chance.uniform(3, 10)) for _ in range(5000))
    buckets = {}
    histogram.add(values, buckets)
    true = values[max(0, math.ceil(q * len(values)) - 1)] / 1e9
    assert histogram.quantile(buckets, q) == pytest.approx(true, rel=0.045)


def test_quantile_of_nothing_is_nan():
    """An empty histogram has no quantile."""
    assert math.isnan(histogram.quantile({}, 0.5))
    assert math.isnan(histogram.quantile({3: 0}, 0.5))


def test_quantile_passes_over_empty_buckets():
    """A bucket of zero counts is never the answer to a quantile above 0."""
    assert histogram.quantile({-8: 0, 0: 1, 8: 0}, 1) == pytest.approx(2 ** (-0.5 / 8))
