"""Prometheus's protobuf form: delimited ``io.prometheus.client.MetricFamily`` messages.

Written by hand (docs/adr/0027). It needs only a few fields of a few messages, is as fast as the C
code of the protobuf package, and takes less memory. The field numbers are those of Prometheus's
``metrics.proto``. There are no summaries, infos and created times: some versions of Prometheus
can't read them, or misread them.
"""

import struct
from collections.abc import Callable, Iterable, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.samples import Sample

from ..table.buckets import BOUNDS, Buckets
from ..table.kinds.timer import TimerTotals
from .encoding import Pairs
from .families import Family

_CONTENT_TYPE = (
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)
#: Values of ``MetricType``.
_TYPES = {"counter": 0, "gauge": 1, "histogram": 4}
#: What precedes the double in ``Metric.counter`` and ``Metric.gauge``.
_NUMBERS = {"counter": b"\x1a\x09\x09", "gauge": b"\x12\x09\x09"}
#: The bytes of both.
_NUMBER_SIZE = 11
#: The most empty buckets in a row that are written. More of them begin a new span.
_GAP = 2

_double = struct.Struct("<d").pack
_BYTES = [bytes((n,)) for n in range(256)]


def label_fields(pairs: Pairs) -> bytes:
    """Return the labels of a ``Metric``, its first fields. What isn't Unicode becomes ``?``."""
    return b"".join(
        [
            _field(1, _field(1, name.encode()) + _field(2, value.encode("utf-8", "replace")))
            for name, value in sorted(pairs)
        ]
    )


def varint(n: int) -> bytes:
    """Return a whole number in base 128; raises OverflowError unless it is from 0 to 2^64 - 1."""
    if 0 <= n < 0x80:
        return _BYTES[n]
    if n >> 64:
        raise OverflowError(f"{n} is no whole number of 64 bits")
    septets = []
    while n > 0x7F:
        septets.append(n & 0x7F | 0x80)
        n >>= 7
    septets.append(n)
    return bytes(septets)


def _zigzag(n: int) -> int:
    """Return a signed number in ZigZag encoding: 0, -1, 1, -2 become 0, 1, 2, 3."""
    return 2 * n if n >= 0 else -2 * n - 1


def _field(number: int, content: bytes) -> bytes:
    """Return a field that contains a string, a message or packed numbers."""
    return b"%b%b%b" % (_BYTES[number << 3 | 2], varint(len(content)), content)


class Protobuf:
    """The protobuf encoding. See :class:`.encoding.Encoding`."""

    def __init__(self) -> None:
        self.content_type = _CONTENT_TYPE
        self.labels: Callable[[Pairs], bytes] = label_fields

    def samples(
        self,
        family: Family,
        labels: Sequence[bytes],
        numbers: Sequence[float],
        more: tuple[str, str] | None = None,
    ) -> bytes:
        """Return the metrics of a column. ``more`` is another label of all of them."""
        last = b"" if more is None else label_fields([more])
        before = last + _NUMBERS[family.type]
        size = len(last) + _NUMBER_SIZE
        return b"".join(
            [
                b"\x22%b%b%b%b" % (varint(len(label) + size), label, before, _double(value))
                for label, value in zip(labels, numbers, strict=True)
            ]
        )

    def histograms(
        self, family: Family, labels: Sequence[bytes], totals: Sequence[TimerTotals]
    ) -> bytes:
        """Return the metrics of a column of histograms."""
        return b"".join(
            [
                _field(4, label + _field(7, _histogram(one.buckets, one.sum / 1e9)))
                for label, one in zip(labels, totals, strict=True)
            ]
        )

    def family(self, family: Family, samples: bytes, *, begun: bool = False) -> bytes:
        """Return a ``MetricFamily`` after its length. Each piece is one, so none has to wait.

        Prometheus accepts several messages of one family.
        """
        names = _field(1, family.name.encode()) + _field(2, family.help.encode())
        head = names + b"\x18" + varint(_TYPES[family.type])
        return varint(len(head) + len(samples)) + head + samples

    def own(self, registry: CollectorRegistry) -> bytes:
        """Return the metrics of a registry: the same series as in the text form.

        A summary becomes two counters, an info a gauge.
        """
        parts: list[bytes] = []
        for metric in registry.collect():
            kind = "gauge" if metric.type in ("gauge", "info") else "counter"
            named: dict[str, list[Sample]] = {}
            for sample in metric.samples:
                named.setdefault(sample.name, []).append(sample)
            for name, samples in named.items():
                family = Family(name, kind, metric.documentation)
                labels = [label_fields(sample.labels.items()) for sample in samples]
                values = [sample.value for sample in samples]
                parts.append(self.family(family, self.samples(family, labels, values)))
        return b"".join(parts)


#: Schema 3, whose buckets are ours, and the threshold of a zero bucket, as in Go's client. That is
#: always empty. It is one of two signs of a native histogram, which an empty one needs.
_SCHEMA = b"\x28%b\x31%b" % (varint(_zigzag(3)), _double(2.0**-128))
#: The other sign: a span without buckets. Only an empty histogram has it.
_NO_OP_SPAN = _field(12, b"\x08\x00\x10\x00")
#: ``Bucket.upper_bound`` of each classic bucket.
_BOUNDS = [b"\x11" + _double(bound) for bound in (*BOUNDS, float("inf"))]


def _histogram(buckets: Buckets, seconds: float) -> bytes:
    """Return a ``Histogram`` with native and classic buckets.

    Its count is the sum of the buckets. Prometheus refuses a whole scrape if the two differ.
    """
    cumulated = buckets.cumulated()
    count = varint(cumulated[-1])
    classic = _classic(cumulated)
    return b"\x08%b\x11%b%b%b%b" % (count, _double(seconds), classic, _SCHEMA, _native(buckets))


def _classic(cumulated: Sequence[int]) -> bytes:
    """Return the classic buckets, including that of ``+Inf``."""
    parts: list[bytes] = []
    last, before = -1, b""
    for n, bound in zip(cumulated, _BOUNDS, strict=True):
        if n != last:
            count = varint(n)
            before, last = b"\x1a%b\x08%b" % (_BYTES[1 + len(count) + len(bound)], count), n
        parts += before, bound
    return b"".join(parts)


def _native(buckets: Buckets) -> bytes:
    """Return the spans of the fine buckets, and the difference of each count to the one before."""
    counts = buckets.counts
    spans: list[bytes] = []
    deltas: list[int] = []
    end, last = -buckets.first, 0  # the first offset is an index, the others are gaps
    for start, stop in _runs(counts):
        span = b"\x08%b\x10%b" % (varint(_zigzag(start - end)), varint(stop - start))
        spans.append(_field(12, span))
        end = stop
        for n in counts[start:stop]:
            delta = 2 * (n - last) if n >= last else 2 * (last - n) - 1
            while delta > 0x7F:  # as `varint` does; to call that would take twice as long
                deltas.append(delta & 0x7F | 0x80)
                delta >>= 7
            deltas.append(delta)
            last = n
    if not spans:
        return _NO_OP_SPAN
    return b"".join(spans) + _field(13, bytes(deltas))


def _runs(counts: Iterable[int]) -> list[tuple[int, int]]:
    """Return the start and stop of each run of counts, with at most ``_GAP`` zeros in a row."""
    runs: list[tuple[int, int]] = []
    start, stop = 0, -_GAP - 1
    for position, n in enumerate(counts):
        if n:
            if position - stop > _GAP:
                if stop > 0:
                    runs.append((start, stop))
                start = position
            stop = position + 1
    if stop > 0:
        runs.append((start, stop))
    return runs


PROTOBUF = Protobuf()
