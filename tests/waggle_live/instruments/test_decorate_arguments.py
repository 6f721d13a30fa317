"""Decorated functions: each argument arrives, and tools see the function's own signature."""

import inspect
import sys

import pytest

from ..helpers import cell


def decorated(live, parameters):
    """Return a function of these parameters, which returns what it got, plain and decorated."""
    scope = {}
    exec("def work(%s): return dict(locals())" % parameters, scope)
    return scope["work"], live.timer("t")(scope["work"])


@pytest.mark.parametrize(
    "parameters, args, kwargs",
    [
        ("", (), {}),
        ("a, b=2", (), {"b": 3, "a": 1}),
        ("a, *rest, key, other=5, **more", (1, 2, 3), {"key": 4, "z": 6}),
        ("function, series, args, kwargs", (1, 2), {"args": 3, "kwargs": 4}),
        ("self, state, clock, buffer=3", (), {"self": 1, "state": 2, "clock": 4}),
    ],
)
def test_arguments_arrive(live, parameters, args, kwargs):
    """Whatever the parameters are called, each argument arrives where it would without us."""
    plain, timed = decorated(live, parameters)
    assert timed(*args, **kwargs) == plain(*args, **kwargs)
    assert cell(live, "timer", "t")["count"] == 1


@pytest.mark.skipif(sys.version_info < (3, 8), reason="positional-only is newer")
def test_positional_only(live):
    """A positional-only parameter stays one, beside a keyword of the same name."""
    _, timed = decorated(live, "a, b=2, /, c=3, **more")
    assert timed(1, a=5) == {"a": 1, "b": 2, "c": 3, "more": {"a": 5}}


@pytest.mark.parametrize("args, kwargs", [((), {}), ((1, 2), {}), ((1,), {"x": 2})])
def test_what_does_not_fit(live, args, kwargs):
    """A call that doesn't fit is refused in the words of the function."""
    plain, timed = decorated(live, "a")
    with pytest.raises(TypeError) as expected:
        plain(*args, **kwargs)
    with pytest.raises(TypeError) as caught:
        timed(*args, **kwargs)
    assert str(caught.value) == str(expected.value)


def test_lambda(live):
    """A function without a name of its own is decorated too."""
    assert live.timer("t")(lambda a, b=2: a + b)(1) == 3


def test_introspection(live):
    """``inspect`` finds the signature and the function itself behind the wrapper."""
    plain, timed = decorated(live, "a, b=2, *rest, key, **more")
    assert inspect.signature(timed) == inspect.signature(plain)
    assert inspect.unwrap(timed) is plain
