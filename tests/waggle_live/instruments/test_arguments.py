"""Wrong calls: each is an error at the call, which says what is wrong and what is right."""

import inspect
import unittest.mock
from types import SimpleNamespace

import pytest

from waggle_live import TIMER
from waggle_live.live import LiveMetrics
from waggle_live.wire.errors import InvalidMetric, InvalidType

from ..helpers import cell, problems

MAKERS = ["timer", "rate", "gauge", "counter", "start_timer", "stop_timer"]


class Unequal:
    """Compares as an array does: to something that is neither true nor false."""

    def __eq__(self, other):
        return self

    def __bool__(self):
        raise ValueError("the truth value is ambiguous")

    __hash__ = None


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("label", ["name", "self", "le", "plugin"])
def test_reserved_labels(live, maker, label):
    """A label that is also a parameter is told to be reserved, as the other reserved ones are."""
    with pytest.raises(InvalidMetric, match="label name '%s' is reserved" % label):
        getattr(live, maker)("cars", **{label: "left"})


def test_a_label_sync(live):
    """It is a timer's parameter, and reserved for the others."""
    with pytest.raises(InvalidType, match=r"sync must be a function .*'left'; labels are keyword"):
        live.timer("t", sync="left")
    with pytest.raises(InvalidMetric, match="label name 'sync' is reserved"):
        live.gauge("g", sync="left")


def test_the_name_by_keyword(live):
    """``name=`` is the metric's name where no other is given, with labels or without."""
    for _ in range(2):
        live.timer(name="t").start().stop()
        live.timer(name="t", model="a").start().stop()
        live.timer(sync=print, name="t", model="a")
        live.gauge(name="g").set(3)
        live.counter(name="c", model="a").inc()
        live.rate(name="r").tick()
    live.start_timer(name="t", model="a")
    live.stop_timer("t", model="a")
    assert cell(live, "timer", "t")["count"] == 2
    assert cell(live, "timer", "t", model="a")["count"] == 3
    assert cell(live, "gauge", "g")["value"] == 3
    assert cell(live, "counter", "c", model="a")["value"] == 2
    assert cell(live, "rate", "r")["count"] == 2
    assert problems(live) == {}


def test_what_help_shows(live):
    """``self`` and ``name``, as everywhere else."""
    assert list(inspect.signature(live.timer).parameters) == ["name", "sync", "labels"]
    assert list(inspect.signature(LiveMetrics.gauge).parameters) == ["self", "name", "labels"]
    assert unittest.mock.create_autospec(LiveMetrics, instance=True).timer("t", model="a")


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("name", [None, b"cars", 3, ["cars"], ("cars",), {}, print, Unequal()])
def test_names_of_wrong_type(live, maker, name):
    """The message has the type and an example; ``@live.timer`` without its call lands here too."""
    with pytest.raises(InvalidType, match="a str like 'inference', got " + type(name).__name__):
        getattr(live, maker)(name)
    with pytest.raises(InvalidType, match="a str like"):
        getattr(live, maker)()


class Text(str):
    """A str whose repr can't be had."""

    def __repr__(self):
        raise RuntimeError("no repr")


class Proxy:
    """Says that it is a str, as a proxy of one does, or raises where its object is gone."""

    def __init__(self, of):
        self.of = of

    @property
    def __class__(self):
        return type(self.of())


def fail():
    raise ReferenceError("gone")


@pytest.mark.parametrize("maker", MAKERS)
def test_names_that_run_code(live, maker):
    """A proxy of a str is no name, one whose object is gone neither; a name may lack a repr."""
    for name in (Proxy(str), Proxy(fail)):
        with pytest.raises(InvalidType, match=r"metric name must be a str.*Proxy"):
            getattr(live, maker)(name)
    with pytest.raises(InvalidMetric, match="got 'A B'"):
        getattr(live, maker)(Text("A B"))


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("value", [None, [1], {}, b"left", Unequal(), print])
def test_label_values_of_wrong_type(live, maker, value):
    """Unhashable ones too, and where a timer of other labels is running."""
    live.start_timer("t", cls="a")
    with pytest.raises(InvalidType, match=r"label 'cls' must be a str, a number, .* got "):
        getattr(live, maker)("t", cls=value)


def test_no_cause_of_ours(live):
    """What an author reads is the error alone, without what the look-up met before."""
    with pytest.raises(InvalidMetric) as caught:
        live.timer("A")
    assert caught.value.__context__ is None


def test_one_label_in_two_types(live):
    """A timer is found by the text of its labels, as its series is."""
    live.start_timer("t", n=1)
    live.stop_timer("t", n="1")
    assert cell(live, "timer", "t", n="1")["count"] == 1
    assert problems(live) == {}


@pytest.mark.parametrize("kind", ["tmer", "", None, 3, ["timer"], Unequal(), TIMER.upper()])
def test_kinds_that_are_none(live, kind):
    """``declare`` names the kinds that there are."""
    with pytest.raises(InvalidMetric, match=r"declare\(x=...\) takes one of TIMER, RATE"):
        live.declare(x=kind)


def test_declared_names_are_no_parameters(live):
    """Any metric name may be declared."""
    live.declare(self=TIMER, name=TIMER, kinds=TIMER)
    assert cell(live, "timer", "self")["count"] == 0


@pytest.mark.parametrize("value", ["1", b"1", None, True, [1], Unequal()])
def test_seconds_of_wrong_type(live, value):
    """Of an interval, and of what waits."""
    for call in (
        lambda: LiveMetrics(interval=value),
        lambda: live.flush(value),
        lambda: live.close(timeout=value),
    ):
        with pytest.raises(InvalidType, match=r"(interval|timeout) .*must be a number"):
            call()


@pytest.mark.parametrize("status", ["exit", 1, ["ok"], Unequal()])
def test_status_of_wrong_type(live, status):
    """Only words that a process can say of itself."""
    with pytest.raises(InvalidMetric, match="ok, error, stopped, got " + type(status).__name__):
        live.close(status)


@pytest.mark.parametrize("plugin", ["my-plugin", b"x", 3, {}, LiveMetrics, object(), print])
def test_what_is_no_plugin(plugin):
    """A name in the place of the plugin is met with how a name is given."""
    with pytest.raises(InvalidType, match=r'LiveMetrics\(plugin_name="my-plugin"\)'):
        LiveMetrics(plugin)


def test_doubles_of_a_plugin():
    """A test's double is taken, whatever its configuration is made of."""
    for double in (SimpleNamespace(config=None), unittest.mock.Mock(), unittest.mock.MagicMock()):
        assert LiveMetrics(double, address="off").timer("t")


@pytest.mark.parametrize("argument", ["plugin_name", "task", "job", "address"])
@pytest.mark.parametrize("value", [3, b"x", ["x"], Unequal()])
def test_texts_of_wrong_type(argument, value):
    """The message has the argument and the type."""
    with pytest.raises(InvalidType, match=r"%s must be a str.*got " % argument):
        LiveMetrics(**{argument: value})


def test_what_cannot_be_iterated(live):
    """It is an error at the call, not at the first item."""
    for items in (5, None, print):
        with pytest.raises(InvalidType, match="each of rate 'fps' takes an iterable, got"):
            live.rate("fps").each(items)
    for items in (5, [1], iter([])):
        with pytest.raises(InvalidType, match=r"each_async of rate 'fps' takes an async.*, got"):
            live.rate("fps").each_async(items)
    assert cell(live, "rate", "fps")["count"] == 0


@pytest.mark.parametrize("function", [5, "work", None, [print], property(print)])
def test_what_cannot_be_decorated(live, function):
    """The message has the kind, the name and what was given."""
    for decorator in (live.timer("t"), live.timer("t", sync=print)):
        with pytest.raises(InvalidType, match="timer 't' decorates functions, got"):
            decorator(function)
    with pytest.raises(InvalidType, match="rate 'r' decorates functions, got"):
        live.rate("r")(function)


@pytest.mark.parametrize("function", [5, "work", [print]])
def test_what_cannot_be_called(live, function):
    """Gauges' functions and ``sync``."""
    with pytest.raises(InvalidType, match="set_function of gauge 'g' takes a function or None"):
        live.gauge("g").set_function(function)
    with pytest.raises(InvalidType, match="sync must be a function without arguments, got"):
        live.timer("t", sync=function)
