"""The protobuf form, decoded by the protobuf package: each rule that Prometheus has for it."""

from types import SimpleNamespace

import prometheus_client
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waggle_live.wire.histogram import MAX_INDEX, MIN_INDEX
from waggle_live_collector.exposition import families as f
from waggle_live_collector.exposition.protobuf import PROTOBUF, label_fields, varint
from waggle_live_collector.table.buckets import BOUNDS, Buckets

from ..metric_family import decode, fine_counts, samples

INF = float("inf")


def buckets(counts):
    """Return fine buckets of {index: count}."""
    made = Buckets()
    for index, n in counts.items():
        made.add(index, n)
    return made


def histogram(counts, total=0):
    """Return the decoded histogram of {index: count}."""
    totals = SimpleNamespace(buckets=buckets(counts), sum=total, count=None)
    chunk = PROTOBUF.histograms(f.TIMER_SECONDS, [label_fields([("name", "t")])], [totals])
    (family,) = decode(PROTOBUF.family(f.TIMER_SECONDS, chunk))
    assert (family.name, family.type) == ("waggle_timer_seconds", 4)
    (metric,) = family.metric
    return metric.histogram


def spans(decoded):
    """Return the spans of a histogram as (offset, length)."""
    return [(span.offset, span.length) for span in decoded.positive_span]


@pytest.mark.parametrize(
    ("n", "encoded"),
    [
        (0, "00"),
        (127, "7f"),
        (128, "8001"),
        (300, "ac02"),
        (16384, "808001"),
        (2**63, "80808080808080808001"),
        (2**64 - 1, "ffffffffffffffffff01"),
    ],
)
def test_a_whole_number_is_written_in_base_128(n, encoded):
    """The lowest seven bits first."""
    assert varint(n).hex() == encoded


@pytest.mark.parametrize("n", [-1, -(2**64), 2**64])
def test_a_number_of_more_than_64_bits_is_no_number(n):
    """It is refused, not cut."""
    with pytest.raises(OverflowError):
        varint(n)


@pytest.mark.parametrize(
    ("counts", "expected", "deltas"),
    [
        ({5: 3}, [(5, 1)], [3]),
        ({-5: 3, -4: 1}, [(-5, 2)], [3, -2]),
        # Two empty buckets are written as such; of three a new span is begun.
        ({0: 1, 2: 1}, [(0, 3)], [1, -1, 1]),
        ({0: 1, 3: 1}, [(0, 4)], [1, -1, 0, 1]),
        ({0: 1, 4: 1}, [(0, 1), (3, 1)], [1, 0]),
        ({-1: 7, 0: 7, 9: 2, 100: 3}, [(-1, 2), (8, 1), (90, 1)], [7, 0, -5, 1]),
        ({MIN_INDEX: 1, MAX_INDEX: 1}, [(-240, 1), (399, 1)], [1, 0]),
        ({0: 2**63 - 1, 1: 1}, [(0, 2)], [2**63 - 1, 2 - 2**63]),
        # What is empty at the ends of what is kept is not written.
        ({-3: 0, 0: 1, 5: 0}, [(0, 1)], [1]),
    ],
)
def test_fine_buckets_are_spans_and_differences(counts, expected, deltas):
    """The first offset is an index of schema 3, the others are gaps."""
    decoded = histogram(counts)
    assert decoded.schema == 3
    assert spans(decoded) == expected
    assert list(decoded.positive_delta) == deltas


@pytest.mark.parametrize("counts", [{}, {7: 0}])
def test_an_empty_histogram_is_known_as_native(counts):
    """By a span of no buckets and a zero bucket; 2.42 judges the whole family by its first one."""
    decoded = histogram(counts)
    assert spans(decoded) == [(0, 0)]
    assert not decoded.positive_delta
    assert decoded.zero_threshold == 2.0**-128
    assert decoded.sample_count == 0
    assert [bucket.cumulative_count for bucket in decoded.bucket] == [0] * 22


def test_a_filled_histogram_has_no_empty_span():
    """Which 2.42 took for a reset; the zero bucket stays as it is, for a change is one as well."""
    decoded = histogram({-20: 1})
    assert spans(decoded) == [(-20, 1)]
    assert (decoded.zero_threshold, decoded.zero_count) == (2.0**-128, 0)


@given(st.dictionaries(st.integers(MIN_INDEX, MAX_INDEX), st.integers(0, 2**56), max_size=60))
def test_both_kinds_of_buckets_agree(counts):
    """The count is the sum of the fine ones, and each classic one is the sum of those below it."""
    decoded = histogram(counts, total=10**9)
    assert fine_counts(decoded) == {index: n for index, n in counts.items() if n}
    assert decoded.sample_count == sum(counts.values())
    assert decoded.sample_sum == 1.0
    assert [bucket.upper_bound for bucket in decoded.bucket] == [*BOUNDS, INF]
    for bucket in decoded.bucket:
        below = [n for index, n in counts.items() if 2.0 ** (index / 8) <= bucket.upper_bound]
        assert bucket.cumulative_count == sum(below)


def test_numbers_and_labels_are_as_they_are():
    """Also NaN, infinities, and labels of any text, in the order of their names."""
    odd = 'NUL \0, "quote", back\\slash, new\nline, 🐝, ' + "long " * 100
    labels = [label_fields([("b", "2"), ("a", odd)]), label_fields([])]
    chunks = [
        PROTOBUF.samples(f.VALUE, labels, [float("nan"), -INF]),
        PROTOBUF.samples(f.VALUE, labels, [0, 5e-324], ("q", "0.5")),
    ]
    (family,) = decode(PROTOBUF.family(f.VALUE, b"".join(chunks)))
    assert (family.name, family.help, family.type) == (f.VALUE.name, f.VALUE.help, 1)
    assert [pair.name for pair in family.metric[0].label] == ["a", "b"]
    both, q = {("a", odd), ("b", "2")}, ("q", "0.5")
    assert samples(family) == {
        ("waggle_value", frozenset(both)): "NaN",
        ("waggle_value", frozenset()): -INF,
        ("waggle_value", frozenset({*both, q})): 0.0,
        ("waggle_value", frozenset({q})): 5e-324,
    }


def test_the_collectors_own_metrics_are_counters_and_gauges():
    """No summary, no info, no created time: with the names that they have as text."""
    prometheus_client.disable_created_metrics()  # as the collector does
    registry = prometheus_client.CollectorRegistry()
    options = {"registry": registry}
    prometheus_client.Counter("c", "Count.", ["x"], **options).labels("\0").inc(2.5)
    prometheus_client.Counter("nothing", "Nothing yet.", ["x"], **options)
    prometheus_client.Gauge("g", "Gauge.", **options).set(-1)
    prometheus_client.Summary("s", "Summary.", **options).observe(0.5)
    prometheus_client.Info("i", "Info.", **options).info({"version": "1"})
    families = decode(PROTOBUF.own(registry))
    assert [(family.name, family.type, family.help) for family in families] == [
        ("c_total", 0, "Count."),
        ("g", 1, "Gauge."),
        ("s_count", 0, "Summary."),
        ("s_sum", 0, "Summary."),
        ("i_info", 1, "Info."),
    ]
    assert [list(samples(family).values()) for family in families] == [[2.5], [-1], [1], [0.5], [1]]
