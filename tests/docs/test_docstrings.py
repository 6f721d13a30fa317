"""What the docstrings of the public API promise: the errors that a call raises stand in them."""

import ast
import inspect
import re
import textwrap

import pytest

import waggle_live
import waggle_live_controller
from waggle_live.instruments.counter import Counter
from waggle_live.instruments.device_timer import DeviceTimer
from waggle_live.instruments.gauge import Gauge
from waggle_live.instruments.rate import Rate
from waggle_live.instruments.timer import Span, Timer

#: What the calls of ``LiveMetrics`` return is public as well.
INSTRUMENTS = [Counter, DeviceTimer, Gauge, Rate, Span, Timer]
#: Errors that a docstring names, besides our own.
BUILT_IN = (ValueError, TypeError)
#: How deep calls are followed: to what a method itself calls.
DEPTH = 1


def face():
    """Yield ``(name, function, its class, docstring)`` for what users call."""
    public = [
        getattr(each, name)
        for each in (waggle_live, waggle_live_controller)
        for name in each.__all__
    ]
    for owner in {*filter(inspect.isclass, public), *INSTRUMENTS}:
        if issubclass(owner, BaseException):
            continue
        for base in owner.__mro__:
            if not is_ours(base):
                continue
            for name, member in vars(base).items():
                function = member.fget if isinstance(member, property) else member
                function = inspect.unwrap(getattr(function, "__func__", function))
                if not inspect.isfunction(function):
                    continue
                if name == "__init__":
                    yield f"{owner.__name__}()", function, owner, owner.__doc__
                elif not name.startswith("_"):
                    yield f"{owner.__name__}.{name}", function, owner, function.__doc__


def is_ours(thing):
    """Return whether a class or function is of one of the two packages."""
    return (getattr(thing, "__module__", None) or "").startswith(
        ("waggle_live", "waggle_live_controller")
    )


def raised(function, owner, depth=DEPTH):
    """Return the classes of errors that a function raises by itself or by what it calls by name."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError):
        return set()
    names, errors = inspect.unwrap(function).__globals__, set()
    nodes = list(tree.body[0].body)
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            continue  # it runs later, or elsewhere
        nodes += ast.iter_child_nodes(node)
        if isinstance(node, ast.Raise) and node.exc is not None:
            made = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            error = names.get(getattr(made, "id", ""))
            error = error or {each.__name__: each for each in BUILT_IN}.get(getattr(made, "id", ""))
            if inspect.isclass(error) and (is_ours(error) or error in BUILT_IN):
                errors.add(error)
        if isinstance(node, ast.Call) and depth:
            called = callee(node.func, owner, names)
            if inspect.isfunction(called) and is_ours(called):
                errors |= raised(called, owner, depth - 1)
    return errors


def callee(written, owner, names):
    """Return the function that ``written`` calls, by what a module's ``names`` stand for."""
    if isinstance(written, ast.Name):
        called = names.get(written.id)
    elif isinstance(written, ast.Attribute) and isinstance(written.value, ast.Name):
        is_own = written.value.id in ("self", "__self", "cls")
        called = getattr(owner if is_own else names.get(written.value.id), written.attr, None)
    else:
        return None
    called = called.__init__ if inspect.isclass(called) else called
    return inspect.unwrap(getattr(called, "__func__", called))


def said(owner, docstring, seen=()):
    """Return a docstring with those that it refers to, as ``Raises … as :meth:`timer```."""
    for name in re.findall(r"as\s+:meth:`\.?(\w+)`", docstring):
        if name not in seen:
            other = inspect.getdoc(getattr(owner, name)) or ""
            docstring += said(owner, other, (*seen, name))
    for name in re.findall(r"as\s+:class:`(\w+)`", docstring):
        docstring += inspect.getdoc(getattr(waggle_live_controller, name, None)) or ""
    return docstring


def test_public_calls_name_the_errors_that_they_raise():
    """The docstring of each public call names each error of ours that it or its callees raise."""
    untold = [
        f"{name}: {error.__name__}"
        for name, function, owner, docstring in face()
        for error in raised(function, owner)
        if not any(
            each.__name__ in said(owner, docstring or "")
            for each in error.__mro__
            if is_ours(each) or each in BUILT_IN
        )
    ]
    assert sorted(set(untold)) == []


@pytest.mark.parametrize(
    "call", ["LiveMetrics()", "LiveMetrics.timer", "LiveMetrics.close", "Gauge.set", "Fleet.poll"]
)
def test_errors_are_found(call):
    """The search finds errors that are raised in the call, and in a function that it calls."""
    found = {name: raised(function, owner) for name, function, owner, _ in face()}
    assert found[call]
