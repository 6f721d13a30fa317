"""The wire's rules: names, labels, numbers, messages."""

import decimal
import enum
import fractions
import json
import math
from pathlib import Path

import pytest

from waggle_live.wire import protocol
from waggle_live.wire.errors import InvalidMetric, InvalidType, LiveMetricsError, ProtocolError
from waggle_live.wire.labels import label_text


@pytest.mark.parametrize("name", ["a", "plugin.duration.input", "0", "a_b.c__d", "x" * 128, "_a"])
def test_good_names(name):
    """pywaggle's rule: parts of [a-z0-9_] joined by dots, at most 128 characters."""
    assert protocol.check_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "a.", ".a", "a..b", "A", "a-b", "a b", "a\n", "\u00e9", "a/b", "__a", "__overflow__"],
)
def test_bad_names(name):
    """Anything else is refused with the rule and the name in the message."""
    with pytest.raises(InvalidMetric) as caught:
        protocol.check_name(name)
    assert repr(name) in str(caught.value)
    assert "[a-z0-9_]" in str(caught.value) or "'__'" in str(caught.value)


def test_long_name():
    """A long name is refused with its length and its beginning only."""
    with pytest.raises(InvalidMetric) as caught:
        protocol.check_name("x" * 5000)
    assert "128" in str(caught.value)
    assert "5000" in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("name", [None, 3, b"a", ["a"], ("a",)])
def test_name_of_wrong_type(name):
    """A name that is no str is a TypeError which names both types."""
    with pytest.raises(InvalidType) as caught:
        protocol.check_name(name)
    assert "str" in str(caught.value)
    assert type(name).__name__ in str(caught.value)


def test_labels_are_sorted_strings():
    """Numbers are written by str, and the order of the call doesn't matter."""
    labels = {"b": 1, "a": "x", "C_9": 2.5, "d": True}
    assert protocol.check_labels(labels) == (("C_9", "2.5"), ("a", "x"), ("b", "1"), ("d", "True"))
    assert protocol.check_labels({}) == ()


def test_a_label_value_that_is_a_kind_of_str():
    """It is the characters that it holds and is equal to, whatever its str() says."""

    class Model(str, enum.Enum):
        YOLO = "yolov7"

    ((_, value),) = protocol.check_labels({"model": Model.YOLO})
    assert value == "yolov7"
    assert type(value) is str


class Size(enum.IntEnum):
    """Its str() is "Size.LARGE" before Python 3.11, and "3" from then on."""

    LARGE = 3


class Unprintable(int):
    """An int of an author's whose text can't be had."""

    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


class Dimensionless:
    """Like ``numpy.bool_``, or a tensor without dimensions: no number by its type."""

    shape = ()

    def __init__(self, item):
        self._item = item

    def item(self):
        return self._item


@pytest.mark.parametrize(
    "value, text",
    [
        (3, "3"),
        (True, "True"),
        (0.1, "0.1"),
        (decimal.Decimal("1.50"), "1.50"),
        (fractions.Fraction(1, 3), "1/3"),
        (Size.LARGE, "3"),
        (enum.Enum("Color", {"RED": "red"}).RED, "red"),
        (enum.Enum("Color", {"RED": 1}).RED, "1"),
        (enum.IntFlag("Flags", {"A": 4}).A, "4"),
        (enum.Enum("Nested", {"SIZE": Size.LARGE}).SIZE, "3"),
        pytest.param(Unprintable(3), "3", id="unprintable"),
        (Dimensionless(True), "True"),
        (Dimensionless("x"), "x"),
    ],
)
def test_label_values(value, text):
    """Numbers as their digits and members of an Enum by their value, the same on each Python."""
    assert protocol.check_labels({"model": value}) == (("model", text),)


def test_label_values_of_numpy():
    """Its scalars are what they look like."""
    numpy = pytest.importorskip("numpy")
    values = [numpy.int64(3), numpy.float32(0.1), numpy.float64(0.1), numpy.bool_(True)]
    values += [numpy.str_("x"), numpy.array(3)]
    texts = [label_text("model", value) for value in values]
    assert texts == ["3", "0.1", "0.1", "True", "x", "3"]


def test_a_name_that_is_a_kind_of_str():
    """It is the characters that it holds, so that it is found under them."""
    name = protocol.check_name(enum.Enum("Name", {"FRAMES": "frames"}, type=str).FRAMES)
    assert (name, type(name)) == ("frames", str)


RESERVED = [
    "name",
    "le",
    "quantile",
    "q",
    "self",
    "sync",
    "plugin",
    "plugin_task",
    "plugin_job",
    "__x",
]


@pytest.mark.parametrize("label", [*RESERVED, "", "a-b", "0a", "a.b", "\u00e9", "a\n", "x" * 65])
def test_bad_label_names(label):
    """Reserved and malformed label names are refused with the name in the message."""
    with pytest.raises(InvalidMetric) as caught:
        protocol.check_labels({label: "v"})
    assert repr(label)[:40] in str(caught.value)


UNCLEAR = [None, [], b"x", object(), 1j, {}, print, Path("x"), Dimensionless([])]


@pytest.mark.parametrize("value", [*UNCLEAR, enum.Enum("Color", {"RED": [1]}).RED])
def test_label_values_of_wrong_type(value):
    """A label value is a str or a number; the message names the label and the type."""
    with pytest.raises(InvalidType) as caught:
        protocol.check_labels({"model": value})
    assert "'model'" in str(caught.value)
    assert type(value).__name__ in str(caught.value)


def test_label_bounds():
    """At most 16 labels, values of at most 256 characters, of valid Unicode."""
    full = {"l%d" % i: "x" * 60 for i in range(15)}
    full["l15"] = "x" * 256
    with pytest.raises(InvalidMetric, match=r"1024 bytes in all, got 1194; .* 'l15' with 259"):
        protocol.check_labels(full)
    full = {label: value[:16] for label, value in full.items()}
    assert len(protocol.check_labels(full)) == 16
    with pytest.raises(InvalidMetric, match=r"at most 16 labels .* got 17"):
        protocol.check_labels(dict(full, more="x"))
    with pytest.raises(InvalidMetric, match="256 characters, got 257"):
        protocol.check_labels({"a": "x" * 257})
    with pytest.raises(InvalidMetric, match="valid Unicode"):
        protocol.check_labels({"a": "\udc80"})
    with pytest.raises(InvalidType):
        protocol.check_labels({3: "x"})


@pytest.mark.parametrize("letter", ["x", "\u00e9", "\u20ac", "\U0001f600"])
def test_labels_are_bounded_in_bytes(letter):
    """All names and values of a series take at most 1,024 bytes of UTF-8, whatever is in them."""
    size = len(letter.encode("utf-8"))
    labels = {"a%d" % i: letter * (254 // size) for i in range(4)}
    labels["a3"] += "x" * (1024 - sum(len((k + v).encode("utf-8")) for k, v in labels.items()))
    assert len(protocol.check_labels(labels)) == 4
    labels["a3"] += "x"
    with pytest.raises(InvalidMetric, match=r"at most 1024 bytes in all, got 1025; .* 'a3'"):
        protocol.check_labels(labels)


@pytest.mark.parametrize("good", ["a" * 8, "A-z_09" * 4, "x" * 64])
def test_session_ids(good):
    """8 to 64 of [A-Za-z0-9_-]."""
    assert protocol.check_session_id(good) == good


@pytest.mark.parametrize("bad", ["", "a" * 7, "x" * 65, "a b c d e", "abcdefgh\n", 12345678, None])
def test_bad_session_ids(bad):
    """Anything else is a bad message."""
    with pytest.raises(ProtocolError) as caught:
        protocol.check_session_id(bad)
    assert caught.value.code == "bad_message"


@pytest.mark.parametrize("value", [0, -1.5, 1e308, 5, 1e-320])
def test_numbers_travel(value):
    """A finite number survives JSON and comes back equal."""
    assert json.loads(protocol.encode_number(value)) == value


@pytest.mark.parametrize(
    "value, text", [(math.nan, "NaN"), (math.inf, "+Inf"), (-math.inf, "-Inf")]
)
def test_what_json_has_no_number_for_travels_as_a_string(value, text):
    """NaN and the infinities."""
    assert json.loads(protocol.encode_number(value)) == text


def test_message_round_trip():
    """A message is one line of JSON with one newline, whatever is in its strings."""
    message = {"type": "x", "text": 'a\nb\u00e9\u2028"\\', "n": 2**62, "f": 0.1}
    line = protocol.encode(message)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert protocol.decode(line) == message
    assert protocol.decode(line[:-1]) == message


def test_encode_refuses_nan():
    """Bare NaN, which is no JSON, is never written."""
    with pytest.raises(ValueError, match="JSON"):
        protocol.encode({"type": "x", "value": math.nan})


@pytest.mark.parametrize("line", [b"", b"{", b"\xff\xfe{}", b"[" * 100000, b"\xef\xbb\xbf{}", b"x"])
def test_no_json(line):
    """What isn't JSON of valid UTF-8 is ``bad_json``, however deep it nests."""
    with pytest.raises(ProtocolError) as caught:
        protocol.decode(line)
    assert caught.value.code == "bad_json"


@pytest.mark.parametrize(
    "line", [b"[]", b"3", b"null", b'"x"', b"{}", b'{"type":3}', b'{"type":[]}']
)
def test_no_message(line):
    """JSON that is no object with a string type is ``bad_message``."""
    with pytest.raises(ProtocolError) as caught:
        protocol.decode(line)
    assert caught.value.code == "bad_message"


def test_one_tree_of_errors():
    """One except clause catches all errors, and each is the built-in one that it stands for."""
    for error in (InvalidMetric, InvalidType, ProtocolError):
        assert issubclass(error, LiveMetricsError)
    assert issubclass(InvalidMetric, ValueError)
    assert issubclass(InvalidType, TypeError)
