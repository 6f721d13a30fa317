"""What may be declared of a knob, which values a declaration allows, and what a ``set`` holds."""

import json
import math

import pytest

from waggle_live.wire import knobs
from waggle_live.wire.errors import InvalidMetric, InvalidType, LiveMetricsError, ProtocolError
from waggle_live.wire.knobs import declare, declared, decode_set


@pytest.mark.parametrize(
    "default, options, kind",
    [
        (1080, {"choices": [360, 720, 1080]}, "int"),
        (0.5, {"low": 0.3, "high": 0.9, "better": "lower"}, "float"),
        (1, {"low": 0.3, "high": 2}, "float"),
        (1, {"choices": (1, 2.5)}, "float"),
        ("s", {"choices": ["n", "s", "m"], "cost": [1, 2.6, 6], "settle": 5}, "str"),
        (True, {}, "bool"),
        (False, {"choices": [False, True], "cost": [1, 1]}, "bool"),
        (3, {}, "int"),
        ("", {}, "str"),
    ],
)
def test_a_declaration_survives_the_wire(default, options, kind):
    """It is of one type, and the same after its way through JSON; what is unset is left out."""
    made = declare("a.b", default, **options)
    assert made.type == kind
    assert type(made.default).__name__ == kind
    entry = json.loads(json.dumps(made.fields()))
    assert set(entry) == {"name", "type", "default", *options}
    assert declared(entry) == made
    assert hash(declared(entry)) == hash(made)
    assert "a.b" in repr(made)


class NeitherEqual:
    """Like an array, whose comparison has no truth."""

    def __eq__(self, other):
        raise ValueError("ambiguous")

    __hash__ = None


@pytest.mark.parametrize(
    "default, options, rule",
    [
        (None, {}, "bool, int, float or str, got NoneType"),
        (math.nan, {}, "finite number, got nan"),
        (math.inf, {"low": 0, "high": 1}, "finite number, got inf"),
        (2**53 + 1, {}, r"2\^53, got int: 9007199254740993"),
        pytest.param(10**5000, {}, r"2\^53, got int", id="too long to be shown"),
        ("x" * 65, {}, "at most 64 characters.*got 65"),
        ("a\nb", {}, "control character"),
        ("\udc80", {}, "lone surrogate"),
        (b"x", {}, "got bytes"),
        (1, {"choices": [1, True]}, "one type, here int, got bool: True"),
        (1, {"choices": ["1"]}, "one type, here int, got str: '1'"),
        ("s", {"choices": "nsm"}, "must be a list, got str: 'nsm'"),
        (1, {"choices": 1}, "must be a list, got int: 1"),
        (1, {"choices": {1, 2}}, "must be a list, got set: {1, 2}"),
        (1, {"choices": []}, "1 to 16 different values, got 0"),
        (1, {"choices": [1, 1]}, "1 to 16 different values, got 2"),
        (1, {"choices": list(range(17))}, "1 to 16 different values, got 17"),
        (5, {"choices": [1, 2]}, "default of knob 'k' is not allowed.*one of 1, 2, got 5"),
        (5, {"low": 1, "high": 4}, "default of knob 'k' is not allowed.*1 to 4, got 5"),
        (2, {"choices": [1, 2], "low": 1, "high": 4}, "not both"),
        (2, {"low": 1}, "both low and high"),
        (2, {"low": 3, "high": 1}, "less than high, got 3, 1"),
        (2, {"low": 2, "high": 2}, "less than high, got 2, 2"),
        (0.5, {"low": math.nan, "high": 1}, "low of knob 'k' must be a finite number"),
        (True, {"low": False, "high": True}, "is a bool, and takes no low and high"),
        ("a", {"low": "a", "high": "b"}, "is a str, and takes no low and high"),
        (1, {"better": "up"}, "'higher' or 'lower', got 'up'"),
        (1, {"better": []}, "better of knob 'k' must be of type str, got list"),
        (1, {"better": NeitherEqual()}, "better of knob 'k' must be of type str, got NeitherEqual"),
        (1, {"cost": []}, "one positive number for each of its choices"),
        (1, {"cost": [1]}, "one positive number for each of its choices"),
        (1, {"choices": [1, 2], "cost": [1]}, "one positive number for each of its choices"),
        (1, {"choices": [1, 2], "cost": [2, 1]}, "the cheapest first"),
        (1, {"choices": [1, 2], "cost": [0, 1]}, "positive"),
        (1, {"choices": [1, 2], "cost": [1, math.nan]}, "finite"),
        (1, {"choices": [1, 2], "cost": 3}, "must be a list, got int: 3"),
        (1, {"settle": -1}, "0 to 3600 s, got -1"),
        (1, {"settle": "5"}, "settle of knob 'k' must be of type float, got str: '5'"),
        ("\u20ac" * 60, {"choices": ["\u20ac" * n for n in range(48, 61)]}, "at most 2048 bytes"),
    ],
)
def test_a_bad_declaration_is_refused_with_its_rule(default, options, rule):
    """The message has the rule and the offending value, and is short."""
    with pytest.raises((InvalidMetric, InvalidType), match=rule) as caught:
        declare("k", default, **options)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("name", ["", "A", "__x", "__profile", "a b", "x" * 129, 3, None])
def test_a_bad_name_is_refused(name):
    """Names follow the rule of metric names; the reserved one can't be declared by an author."""
    with pytest.raises((InvalidMetric, InvalidType), match="knob name"):
        declare(name, 1)


class Odd(str):
    """A str of an author's, with a text of its own."""

    def __str__(self):
        return "odd"


def test_values_are_exactly_typed():
    """An int serves a float, a bool is no int, and what comes out is of the plain type."""
    whole, real = declare("i", 1, low=0, high=9), declare("f", 1.0, low=0.0, high=9.0)
    assert (whole.check(3), real.check(3), type(real.check(3))) == (3, 3.0, float)
    text = declare("s", "a").check(Odd("b"))
    assert (text, type(text)) == ("b", str)
    for knob, value in [(whole, True), (whole, 3.0), (whole, "3"), (real, True), (real, "NaN")]:
        with pytest.raises(InvalidType):
            knob.check(value)
    for knob, value in [(whole, 10), (whole, 10**400), (real, math.nan), (real, -0.1)]:
        with pytest.raises(InvalidMetric):
            knob.check(value)
    with pytest.raises(InvalidType):
        declare("b", True).check(1)


def test_values_of_numpy():
    """Its floats are floats; its other scalars are of no type that may travel, and say so."""
    numpy = pytest.importorskip("numpy")
    assert type(declare("f", numpy.float64(0.5)).default) is float
    with pytest.raises(InvalidType, match="int64"):
        declare("i", numpy.int64(1))


def test_the_reserved_knob():
    """A client declares it as it is, whatever stands beside its name."""
    entry = {"name": "__profile", "type": "str", "default": "x"}
    assert declared(entry) is knobs.PROFILE_KNOB
    assert knobs.PROFILE_KNOB.check(200) == 200
    with pytest.raises(InvalidMetric):
        knobs.PROFILE_KNOB.check(201)


def test_a_default_without_a_point_may_be_a_floats():
    """Other languages write 1 for 1.0."""
    entry = {"name": "f", "type": "float", "default": 1, "low": 0, "high": 2}
    assert declared(entry) == declare("f", 1.0, low=0.0, high=2.0)


@pytest.mark.parametrize(
    "entry",
    [
        None,
        [],
        "x",
        {},
        {"name": "a"},
        {"name": "a", "default": 1},
        {"name": "a", "default": 1, "type": "bool"},
        {"name": "a", "default": 1, "type": ["int"]},
        {"name": "a", "default": [1], "type": "int"},
        {"name": "a", "default": 1, "type": "int", "choices": [[1]]},
        {"name": "a", "default": 1, "type": "int", "choices": {"1": 1}},
        {"name": "a", "default": 1, "type": "int", "low": {}, "high": 2},
        {"name": "a", "default": 1, "type": "int", "better": {}},
        {"name": "a", "default": 1, "type": "int", "cost": []},
        {"name": "a", "default": 1, "type": "int", "choices": [1], "cost": [[1]]},
        {"name": "__other", "default": 1, "type": "int"},
    ],
)
def test_an_entry_that_no_client_may_send(entry):
    """Any JSON is refused by an error of ours."""
    with pytest.raises(LiveMetricsError):
        declared(entry)


@pytest.mark.parametrize("listed", [None, 3, "x", {}, True])
def test_a_set_without_a_list(listed):
    """It is no message of the protocol."""
    with pytest.raises(ProtocolError):
        decode_set({"type": "set", "number": 1, "knobs": listed})


def test_a_set_is_bounded():
    """In its entries, and in the seconds that a lease lasts."""
    entry = {"name": "a", "value": 1, "seconds": 1e9, "revision": 1}
    leases, stacks = decode_set({"knobs": [entry] * 1000, "stacks": True})
    assert len(leases) == 33
    assert leases[0] == ("a", 1, 60.0, 1)
    assert stacks
    assert decode_set({"knobs": [dict(entry, seconds=math.nan)], "stacks": 1}) == ([], False)
    assert decode_set({"knobs": [dict(entry, seconds=10**400)]})[0][0].seconds == 60.0
