"""What instruments take as a number, and the errors for what is none."""

from decimal import Decimal
from fractions import Fraction

import pytest

from waggle_live.wire.errors import InvalidMetric, InvalidType

from ..helpers import Scalar, cell


class Index:
    """An integer of an author's: no number by type, one by ``__index__``."""

    def __init__(self, value):
        self.value = value

    def __index__(self):
        return self.value


class Tensor:
    """Like one of several elements, which has no value."""

    def __init__(self, error):
        self.error = error

    def __float__(self):
        raise self.error


class Gone:
    """Like a proxy whose object is gone: even what its class is can't be asked."""

    @property
    def __class__(self):
        raise ReferenceError("gone")


class Speechless:
    """Something whose repr can't be had."""

    def __repr__(self):
        raise RuntimeError("no repr")


NUMBERS = [1, 2.5, True, Scalar(3.5), Decimal("1.5"), Fraction(1, 2), -4, 10**300]


def test_an_index_is_a_number(live):
    """Also before Python 3.8, whose float() doesn't know it."""
    live.gauge("g").set(Index(7))
    live.counter("c").inc(Index(7))
    assert cell(live, "gauge", "g")["value"] == cell(live, "counter", "c")["value"] == 7


WRONG = [None, "1", b"1", bytearray(b"1"), memoryview(b"1"), [1], 1j, object(), "nan"]
WRONG += [Speechless(), Tensor(RuntimeError("several elements")), Tensor(ZeroDivisionError())]


@pytest.mark.parametrize("value", NUMBERS)
def test_gauge_takes_what_float_takes(live, value):
    """Values are taken by ``float()``, and travel as floats."""
    gauge = live.gauge("g")
    gauge.set(value)
    found = cell(live, "gauge", "g")["value"]
    assert found == float(value)
    assert type(found) is float
    gauge.inc(value)
    gauge.dec(value)


@pytest.mark.parametrize("value", WRONG)
def test_values_of_wrong_type(live, value):
    """What is no number is an error at the call: the name, the rule and the value in it."""
    for call in (
        live.gauge("the.name").set,
        live.gauge("the.name").inc,
        live.gauge("the.name").dec,
        live.counter("the.counter").inc,
    ):
        with pytest.raises(InvalidType, match="float") as caught:
            call(value)
        assert "the." in str(caught.value)
        assert type(value).__name__ in str(caught.value)
    assert cell(live, "gauge", "the.name")["value"] == 0
    assert cell(live, "counter", "the.counter")["value"] == 0


def test_what_the_value_raised_is_the_cause(live):
    """The author sees what the conversion raised; what ends a program goes on unchanged."""
    error = RuntimeError("a Tensor with 2 elements cannot be converted to Scalar")
    with pytest.raises(InvalidType, match=r"gauge 'loss'.*got Tensor.*RuntimeError: a") as caught:
        live.gauge("loss").set(Tensor(error))
    assert caught.value.__cause__ is error
    for passing in (KeyboardInterrupt(), SystemExit(3), GeneratorExit()):
        with pytest.raises(type(passing)) as caught:
            live.gauge("loss").set(Tensor(passing))
        assert caught.value is passing


def test_numpy(live):
    """Its scalars are numbers, its text is none."""
    numpy = pytest.importorskip("numpy")
    for value in (numpy.float32(1.5), numpy.int64(3), numpy.bool_(True), numpy.array(2.5)):
        live.gauge("g").set(value)
        assert cell(live, "gauge", "g")["value"] == float(value)
        live.counter("c").inc(value)
    for value in (numpy.str_("1"), numpy.bytes_(b"1"), numpy.array([1, 2])):
        with pytest.raises(InvalidType, match="gauge 'g'"):
            live.gauge("g").set(value)


def test_too_large_for_a_float(live):
    """An int that no float holds is refused at the call."""
    for call in (live.gauge("g").set, live.gauge("g").inc, live.counter("c").inc):
        with pytest.raises(InvalidMetric):
            call(10**400)
        with pytest.raises(InvalidMetric):
            call(10**5000)  # which has no repr from Python 3.11 on
    assert cell(live, "counter", "c")["value"] == 0


class SpeechlessNumber(float):
    """A number whose repr can't be had."""

    def __repr__(self):
        raise RuntimeError("no repr")


def test_numbers_without_a_repr(live):
    """A number out of range whose repr raises is told by its value."""
    with pytest.raises(InvalidMetric, match="got -1"):
        live.timer("t").observe(SpeechlessNumber(-1))
    with pytest.raises(InvalidMetric):
        live.counter("c").inc(SpeechlessNumber(-1))
    with pytest.raises(InvalidType, match="whole number, got SpeechlessNumber"):
        live.rate("r").tick(SpeechlessNumber(1))


def test_a_value_whose_class_cannot_be_asked(live):
    """It is an error at the call, whose cause is what it raised."""
    for call in (live.gauge("g").set, live.counter("c").inc, live.timer("t").observe, live.flush):
        with pytest.raises(InvalidType, match=r"float.*Gone") as caught:
            call(Gone())
        assert isinstance(caught.value.__cause__, ReferenceError)
