"""Wrappers with the very parameters of what they wrap, through the decorator of timers."""

import sys

import pytest

from waggle_live.instruments import signature

from ..helpers import cell


def decorated(live, parameters, name="work"):
    """Return a decorated function of these parameters, that returns what it got of them."""
    scope = {}
    exec("def %s(%s): return dict(locals())" % (name, parameters), scope)
    return scope[name], live.timer("t")(scope[name])


@pytest.mark.parametrize(
    "parameters, args, kwargs",
    [
        ("", (), {}),
        ("a", (1,), {}),
        ("a", (), {"a": 1}),
        ("a, b=2", (1,), {}),
        ("a, b=2", (), {"b": 3, "a": 1}),
        ("*rest", (1, 2), {}),
        ("**more", (), {"x": 1, "y": 2}),
        ("a, *rest, key, other=5, **more", (1, 2, 3), {"key": 4, "z": 6}),
        ("*, key=None", (), {}),
        ("len, clock, cell, BaseException", (1, 2, 3, 4), {}),
        ("_live_buffer, _live_start=3", (1,), {}),
        ("_live_buffer, *, _live_error", (1,), {"_live_error": 2}),
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
    """A call that doesn't fit is refused in the words of the function, and is no call."""
    plain, timed = decorated(live, "a")
    with pytest.raises(TypeError) as expected:
        plain(*args, **kwargs)
    with pytest.raises(TypeError) as caught:
        timed(*args, **kwargs)
    assert str(caught.value) == str(expected.value)
    assert cell(live, "timer", "t")["count"] == 0


def test_lambda(live):
    """A function without a name of its own."""
    assert live.timer("t")(lambda a, b=2: a + b)(1) == 3


def test_one_compilation_for_all_of_a_shape(live):
    """Functions of the same name and parameters share what was compiled, not their defaults."""
    signature._made.clear()
    first = decorated(live, "some, shape=1", "shaped")[1]
    second = decorated(live, "some, shape=2", "shaped")[1]
    assert len(signature._made) == 1
    assert first(0)["shape"] == 1
    assert second(0)["shape"] == 2


@pytest.mark.skipif(sys.version_info < (3, 8), reason="code.replace is newer")
@pytest.mark.parametrize("name", ["class", "\ufb01", "a b", "a=1", "__debug__"])
def test_names_that_no_source_can_have(live, name):
    """Parameters renamed in the code object, to what source can't say, are still taken by name."""

    def work(a, b=2):
        return a, b

    work.__code__ = work.__code__.replace(co_varnames=(name, "b"))
    assert live.timer("t")(work)(**{name: 1}) == (1, 2)


@pytest.mark.parametrize("name", ["_live_cell", "_live_function", "bind", "wrapper"])
def test_functions_named_as_what_the_template_uses(live, name):
    """A function may be called as the wrapper calls its own things."""
    plain, timed = decorated(live, "a", name)
    assert timed(1) == plain(1)
    assert timed.__name__ == name


def test_module_of_the_caller(live):
    """Whoever asks a decorated function's caller for its module is told one."""
    assert live.timer("t")(lambda: sys._getframe(1).f_globals["__name__"])()


def test_memory_of_ever_new_functions(live, monkeypatch):
    """Functions of ever new names don't fill the memory."""
    monkeypatch.setattr(signature, "MAX_MADE", 10)
    for number in range(30):
        assert decorated(live, "a", "f%d" % number)[1](number) == {"a": number}
    assert len(signature._made) <= 10
