"""Decorated functions are as without us: arguments, signature, kind; and all work is measured."""

import asyncio
import functools
import inspect
import sys
import time
import types

import pytest

from ..helpers import MS, Stopwatch, cell, run_async


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


async def coroutine(watch):
    with watch.inside():
        await asyncio.sleep(0.01)
    return 7


@types.coroutine
def iterable_coroutine(watch):
    result = yield from coroutine(watch).__await__()
    return result


async def async_generator(watch):
    with watch.inside():
        await asyncio.sleep(0.01)
    yield 7


def generator(watch):
    with watch.inside():
        time.sleep(0.01)
    yield 7


def plain(watch):
    with watch.inside():
        time.sleep(0.01)
    return 7


class Called:
    """Its method calls ``work``."""

    def __init__(self, work):
        self.work = work

    def method(self, watch):
        return self.work(watch)


class CalledCoroutine:
    async def __call__(self, watch):
        return await coroutine(watch)


class CalledGenerator:
    def __call__(self, watch):
        yield from generator(watch)


class CalledAsyncGenerator:
    async def __call__(self, watch):
        async for item in async_generator(watch):
            yield item


class Compiled:
    """A coroutine that isn't Python's own, as Cython makes them."""

    def __init__(self, watch):
        self._coroutine = coroutine(watch)

    def send(self, value):
        return self._coroutine.send(value)

    def throw(self, *error):
        return self._coroutine.throw(*error)

    def close(self):
        self._coroutine.close()

    def __await__(self):
        return self._coroutine.__await__()


class Awaitable:
    """What can be awaited, and nothing else."""

    def __init__(self, watch):
        self.watch = watch

    def __await__(self):
        return coroutine(self.watch).__await__()


def calls(work):
    """Return a plain function that calls ``work``."""

    def call(watch):
        return work(watch)

    return call


WORK = {
    "plain": plain,
    "coroutine": coroutine,
    "types.coroutine": iterable_coroutine,
    "generator": generator,
    "async generator": async_generator,
    "partial of a coroutine": functools.partial(functools.partial(coroutine)),
    "partial of a generator": functools.partial(generator),
    "partial of an async generator": functools.partial(async_generator),
    "coroutine as object": CalledCoroutine(),
    "partial of a coroutine as object": functools.partial(CalledCoroutine()),
    "generator as object": CalledGenerator(),
    "async generator as object": CalledAsyncGenerator(),
    "method that returns a coroutine": Called(coroutine).method,
    "function that returns a coroutine": calls(coroutine),
    "function that returns a types.coroutine": calls(iterable_coroutine),
    "function that returns a foreign coroutine": calls(Compiled),
    "function that returns an awaitable": calls(Awaitable),
}
if sys.version_info >= (3, 8):
    from unittest.mock import AsyncMock

    WORK["AsyncMock"] = AsyncMock(side_effect=coroutine)
TOLD = [
    inspect.iscoroutinefunction,
    inspect.isgeneratorfunction,
    inspect.isasyncgenfunction,
    inspect.isbuiltin,
]
if sys.version_info < (3, 14):
    TOLD.append(asyncio.iscoroutinefunction)


@pytest.mark.parametrize("name", sorted(WORK))
def test_all_kinds(live, name):
    """Whatever a function is, its work is measured to its end, and frameworks take it for that."""
    work, watch = WORK[name], Stopwatch()
    timed = live.timer("t")(work)

    async def use():
        with watch.outside():
            result = timed(watch)
            if inspect.isawaitable(result):
                return await result
            if hasattr(result, "__aiter__"):
                return sum([item async for item in result])
            return sum(result) if inspect.isgenerator(result) else result

    assert run_async(use()) == 7
    found = cell(live, "timer", "t")
    watch.check(found)
    assert (found["count"], found["failures"]) == (1, 0)
    assert [tells(timed) for tells in TOLD] == [tells(work) for tells in TOLD]


def test_what_goes_on_elsewhere(live):
    """A Future that a function returns, or what can do more than wait, stays what it is."""

    class Request(Awaitable):
        async def __aenter__(self):
            return self

    class Proxy(Awaitable):
        def __getattr__(self, name):
            return name

    async def main():
        future = asyncio.ensure_future(asyncio.sleep(0))
        request = Request(Stopwatch())
        for result in (future, request, Proxy(Stopwatch()), iter([1]), (item for item in "a")):
            assert live.timer("t")(functools.partial(next, iter([result])))() is result
        await future

    run_async(main())
    assert cell(live, "timer", "t")["count"] == 5


def test_an_awaitable_twice(live):
    """An awaitable that may be awaited again still may, and each time is measured."""

    async def main():
        ready = live.timer("t")(lambda: Awaitable(Stopwatch()))()
        return await ready + await ready

    assert run_async(main()) == 14
    found = cell(live, "timer", "t")
    assert found["count"] == 2
    assert found["min"] >= 10 * MS


@pytest.mark.parametrize("work", [generator, coroutine, async_generator, plain])
def test_a_call_that_does_not_fit_is_a_failure(live, work):
    """Arguments that don't fit raise the function's own words, at the latest by the first step."""
    timed = live.timer("t")(work)

    async def use():
        made = timed(1, 2, 3)
        if hasattr(made, "__aiter__"):
            await made.__anext__()
        elif inspect.isawaitable(made):
            await made
        next(made)

    with pytest.raises(TypeError) as expected:
        work(1, 2, 3)
    with pytest.raises(TypeError) as caught:
        run_async(use())
    assert str(caught.value) == str(expected.value)
    assert cell(live, "timer", "t")["failures"] == 1
