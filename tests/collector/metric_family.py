"""Decodes Prometheus's protobuf form, by the protobuf package.

The message classes are made here of the numbers and types of the fields, as Prometheus has them.
"""

import io
import itertools
import math

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, proto

_NAME = "io.prometheus.client"
_TYPES = {"COUNTER": 0, "GAUGE": 1, "SUMMARY": 2, "UNTYPED": 3, "HISTOGRAM": 4}
#: The fields of each message: name, number and type, with "[]" after that of repeated ones.
_MESSAGES = {
    "LabelPair": [("name", 1, "string"), ("value", 2, "string")],
    "Gauge": [("value", 1, "double")],
    "Counter": [("value", 1, "double")],
    "Bucket": [("cumulative_count", 1, "uint64"), ("upper_bound", 2, "double")],
    "BucketSpan": [("offset", 1, "sint32"), ("length", 2, "uint32")],
    "Histogram": [
        ("sample_count", 1, "uint64"),
        ("sample_sum", 2, "double"),
        ("bucket", 3, "Bucket[]"),
        ("schema", 5, "sint32"),
        ("zero_threshold", 6, "double"),
        ("zero_count", 7, "uint64"),
        ("positive_span", 12, "BucketSpan[]"),
        ("positive_delta", 13, "sint64[]"),
    ],
    "Metric": [
        ("label", 1, "LabelPair[]"),
        ("gauge", 2, "Gauge"),
        ("counter", 3, "Counter"),
        ("histogram", 7, "Histogram"),
    ],
    "MetricFamily": [
        ("name", 1, "string"),
        ("help", 2, "string"),
        ("type", 3, "MetricType"),
        ("metric", 4, "Metric[]"),
    ],
}


def _classes():
    file = descriptor_pb2.FileDescriptorProto(name="metrics.proto", package=_NAME, syntax="proto2")
    kinds = file.enum_type.add(name="MetricType")
    for name, number in _TYPES.items():
        kinds.value.add(name=name, number=number)
    field_type = descriptor_pb2.FieldDescriptorProto
    for message, fields in _MESSAGES.items():
        made = file.message_type.add(name=message)
        for name, number, kind in fields:
            field = made.field.add(name=name, number=number, label=field_type.LABEL_OPTIONAL)
            if kind.endswith("[]"):
                field.label = field_type.LABEL_REPEATED
            one = kind.removesuffix("[]")
            field.options.packed = one == "sint64"
            if one in _MESSAGES or one == "MetricType":  # the class finds which of the two it is
                field.type_name = f".{_NAME}.{one}"
            else:
                field.type = getattr(field_type, "TYPE_" + one.upper())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClassesForFiles([file.name], pool)


_CLASSES = _classes()
MetricFamily = _CLASSES[_NAME + ".MetricFamily"]


def decode(body):
    """Return the families of a body, which has to be as the package would write it.

    So an unknown field is an error, as is anything that is written twice or at length. A family may
    come in several messages, one after another.
    """
    read, written = io.BytesIO(body), io.BytesIO()
    families = list(iter(lambda: proto.parse_length_prefixed(MetricFamily, read), None))
    for family in families:
        family.DiscardUnknownFields()
        proto.serialize_length_prefixed(family, written)
    assert written.getvalue() == body
    whole = []
    for family in families:
        if whole and whole[-1].name == family.name:
            assert (whole[-1].type, whole[-1].help) == (family.type, family.help)
            whole[-1].metric.extend(family.metric)
        else:
            whole.append(family)
    return whole


def fine_counts(histogram):
    """Return {index: count} of the native buckets, without those of 0."""
    counts, index = {}, 0
    deltas = itertools.accumulate(histogram.positive_delta)
    for span in histogram.positive_span:
        index += span.offset
        for _ in range(span.length):
            counts[index] = next(deltas)
            index += 1
    assert next(deltas, None) is None
    return {index: count for index, count in counts.items() if count}


def samples(family):
    """Return {(name, labels): value} as the text of a family has them: floats, NaN as "NaN"."""
    found = {}
    for metric in family.metric:
        labels = {pair.name: pair.value for pair in metric.label}
        for name, more, value in _values(family, metric):
            key = name, frozenset({**labels, **more}.items())
            assert key not in found, key
            found[key] = "NaN" if math.isnan(value) else float(value)
    return found


def _values(family, metric):
    if family.type != _TYPES["HISTOGRAM"]:
        kind = {0: "counter", 1: "gauge"}[family.type]
        assert metric.HasField(kind)
        yield family.name, {}, getattr(metric, kind).value
        return
    histogram = metric.histogram
    for bucket in histogram.bucket:
        yield family.name + "_bucket", {"le": bucket.upper_bound}, bucket.cumulative_count
    yield family.name + "_count", {}, histogram.sample_count
    yield family.name + "_sum", {}, histogram.sample_sum
