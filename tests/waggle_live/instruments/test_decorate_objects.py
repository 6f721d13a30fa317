"""Decorated objects that are no functions, and results of odd types."""

import copy
import inspect
import pickle
from functools import partial

import pytest

from waggle_live.live import LiveMetrics
from waggle_live.wire.errors import InvalidType

from ..helpers import cell

LIVE = LiveMetrics(plugin_name="objects", address="off")


class Model:
    """Called, or asked by its method."""

    def __init__(self, added):
        self.added = added

    def __call__(self, number):
        """Add."""
        return number + self.added

    def predict(self, number):
        """Add as well."""
        return number + self.added


def add(number, added):
    """Add, too."""
    return number + added


OBJECTS = {
    "callable object": Model(1),
    "bound method": Model(1).predict,
    "partial": partial(add, 1),
    "method of a builtin": (1).__add__,
    "builtin": abs,
}


def by_pickle(made):
    return pickle.loads(pickle.dumps(made))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, by_pickle])
@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_pickled_and_copied(name, copied):
    """As the object itself is; what the copy measures adds up with the original."""
    inner, outer = LIVE.timer("inner"), LIVE.timer("outer")
    timed = outer(inner(OBJECTS[name]))
    timed(1)
    before = [cell(LIVE, "timer", each)["count"] for each in ("inner", "outer")]
    assert copied(timed)(1) == timed(1) == OBJECTS[name](1)
    after = [cell(LIVE, "timer", each)["count"] for each in ("inner", "outer")]
    assert [now - then for now, then in zip(after, before)] == [2, 2]
    assert inspect.getdoc(timed) == inspect.getdoc(OBJECTS[name])


@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_in_a_class(live, name):
    """One that a class holds is called without the instance, as the object itself is."""
    holder = type("Holder", (), {"work": live.timer("t")(OBJECTS[name])})
    assert holder().work(1) == holder.work(1) == OBJECTS[name](1)
    assert cell(live, "timer", "t")["count"] == 2


class Proxy:
    """Says that it is what it wraps, as wrapt's decorators of a classmethod do."""

    def __init__(self, wrapped):
        self.wrapped = wrapped

    @property
    def __class__(self):
        return type(self.wrapped)

    def __call__(self):
        raise NotImplementedError


@pytest.mark.parametrize("method", [classmethod, staticmethod])
def test_a_proxy_of_a_method(live, method):
    """It can't be made again around the timer; that is an error at the call."""
    with pytest.raises(InvalidType, match="decorates functions, got Proxy"):
        live.timer("t")(Proxy(method(add)))


def test_a_result_whose_class_cannot_be_hashed(live):
    """A metaclass with an ``__eq__`` and no hash makes such classes."""

    class Meta(type):
        def __eq__(cls, other):
            return cls is other

        __hash__ = None

    result = Meta("Result", (), {})()
    work = live.timer("t")(lambda: result)
    assert work() is work() is result
    assert cell(live, "timer", "t")["count"] == 2
