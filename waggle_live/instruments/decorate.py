"""Decorators that time the work of each kind of function, and not its creation."""

import functools
import inspect
import sys
import types
from contextlib import suppress
from typing import Any, List, Set

from ..series.state import FOLD_AT
from ..wire.errors import InvalidType, describe

#: An awaitable that has one of these is used otherwise than by await, as aiohttp's requests are.
_PROTOCOLS = {
    *("__aenter__", "__aiter__", "__call__", "__enter__"),
    *("__getattr__", "__getitem__", "__iter__", "__len__"),
}


class _Plain:
    """Types of results that are known to be no coroutines; the others are looked at each time."""

    # Of a class, which is pickled by name, and not by value with each wrapper.
    types: Set[type] = set()
    max_types = 256


def decorate(function: Any, series: Any) -> Any:
    """Return ``function`` with each call recorded in ``series`` (a ``TimerSeries``).

    A generator is one call: the sum of the time inside its resumes, recorded when it ends or is
    closed; so is an async generator. A coroutine is measured from its first step to its end, the
    time it waits included; so is one that a plain function returns. ``staticmethod`` and
    ``classmethod`` objects keep their kind, and ``inspect`` says of the result what it says of
    ``function``.

    A call that raises is a failure, also where the arguments don't fit. A generator's or a
    coroutine's is then told by its first step, not by the call, since they are of that kind
    themselves. A call that was running at a fork counts in the parent only. Raises InvalidType for
    what can't be called.
    """
    methods = (staticmethod, classmethod)
    if issubclass(type(function), methods):
        return type(function)(decorate(function.__func__, series))
    if not callable(function) or isinstance(function, methods):  # the latter is a proxy's word
        of = (series.state.kind, series.state.name, describe(function))
        raise InvalidType("%s %r decorates functions, got %s" % of)
    work = _work(function)
    wrapper: Any
    for is_kind, measured in _KINDS:
        if is_kind(function) or is_kind(work):
            wrapper = functools.update_wrapper(measured(function, series), function)
            if not is_kind(function):
                wrapper = _hidden(wrapper)
            break
    else:
        wrapper = _plain(function, series)
        if _is_object(function):
            wrapper = _Object(wrapper)
            wrapper.func.measures = (function, series)
    functools.update_wrapper(wrapper, function)
    # The class of a callable object may have it.
    if hasattr(function, "_is_coroutine"):  # asyncio.iscoroutinefunction asks for it
        wrapper._is_coroutine = function._is_coroutine
    return wrapper


def _work(function: Any) -> Any:
    """Return the function that a partial or a callable object calls, else ``function`` itself."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isroutine(function) or inspect.isclass(function):
        return function
    return type(function).__call__


class _Object(functools.partial):  # type: ignore[type-arg]
    """Measures an object that can be called: as that object is, it is pickled and copied by value,
    and isn't bound where a class holds it."""

    def __get__(self, instance: Any, owner: Any = None) -> "_Object":
        return self

    def __reduce__(self) -> Any:
        wrapper: Any = self.func
        return decorate, wrapper.measures


def _is_object(function: Any) -> bool:
    """Whether it is a bound method, a partial, a callable object, but no function nor class."""
    if isinstance(function, (types.MethodType, functools.partial)):
        return True
    return not inspect.isclass(function) and not hasattr(type(function), "__get__")


def _hidden(function: Any) -> Any:
    """Return a plain function that calls ``function``: for what ``inspect`` takes for none."""

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def _plain(function: Any, series: Any) -> Any:
    """Measure without a timer object, which would cost as much again as the measurement."""
    state, clock, append_failed = series.state, series.clock, series.append_failed

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        buffer = state.buffer  # kept: a child that is forked within appends to the parent's
        start = clock()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            append_failed(buffer, clock() - start, type(error))
            raise
        duration = clock() - start
        if result is not None:
            try:
                is_plain = type(result) in _Plain.types
            except Exception:  # of a metaclass, which can make its classes unhashable
                is_plain = False
            if not is_plain:
                work = _finish(function, series, result)
                if work is not None:
                    return work
        buffer.append(duration)
        if len(buffer) > FOLD_AT:
            state.fold()
        return result

    return wrapper


def _finish(function: Any, series: Any, result: Any) -> Any:
    """Return what measures the coroutine that ``function`` has returned; None if it is none.

    An awaitable that can do more, as a Future can, stays as it is: its work goes on elsewhere.
    """
    kind = type(result)
    if kind is types.GeneratorType:
        if not result.gi_code.co_flags & inspect.CO_ITERABLE_COROUTINE:
            return None
        measured = _iterable_coroutine
    else:
        names = set().union(*[vars(each) for each in kind.__mro__])  # runs no code of the author's
        if "__await__" not in names or not all(map(_is_of_coroutine, names)):
            if len(_Plain.types) < _Plain.max_types:
                with suppress(Exception):
                    _Plain.types.add(kind)
            return None
        if not names.issuperset(("send", "throw", "close")):
            return _Awaitable(result, series.make)
        measured = _coroutine
    return functools.update_wrapper(measured(lambda: result, series), function)()


def _is_of_coroutine(name: str) -> bool:
    if name.startswith("_"):
        return name not in _PROTOCOLS
    return name.startswith("cr_") or name in ("send", "throw", "close")


class _Awaitable:
    """Measures each time that an awaitable is awaited, which may be more than once."""

    def __init__(self, awaitable: Any, make: Any) -> None:
        self._awaitable = awaitable
        self._make = make

    def __await__(self) -> Any:
        with self._make():
            return (yield from self._awaitable.__await__())


def _coroutine(function: Any, series: Any) -> Any:
    make = series.make

    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        with make():
            coroutine = function(*args, **kwargs)
            del args, kwargs  # they are its own
            return await coroutine

    return wrapper


def _iterable_coroutine(function: Any, series: Any) -> Any:
    """Measure a generator that ``types.coroutine`` made awaitable."""
    make = series.make

    @types.coroutine
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with make():
            coroutine = function(*args, **kwargs)
            del args, kwargs
            return (yield from coroutine)

    return wrapper


# The time of the consumer of a generator is taken out by moving the start of the timer. What is
# handed on goes through a list, so that nothing is kept while only the other side should have it;
# an exception that was kept would keep all frames that it went through.


def _generator(function: Any, series: Any) -> Any:
    make, clock = series.make, series.clock

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with make() as timer:
            generator = function(*args, **kwargs)
            del args, kwargs
            resume = generator.send
            passed: List[Any] = [None]
            while True:
                try:
                    passed.append(resume(passed.pop()))
                except StopIteration as stop:
                    return stop.value
                left = clock()
                try:
                    passed.append((yield passed.pop()))
                    resume = generator.send
                except BaseException as error:  # GeneratorExit too: close() is such a throw
                    passed.append(error)
                    resume = generator.throw
                timer._start += clock() - left

    return wrapper


def _first_step(generator: Any, nothing: None) -> Any:
    """Begin an async generator that no event loop knows of: at its end a loop would close it beside
    its wrapper, which closes it too."""
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)  # a generator takes them here, and not when it is awaited
    try:
        return generator.asend(nothing)
    finally:
        sys.set_asyncgen_hooks(*hooks)


def _async_generator(function: Any, series: Any) -> Any:
    make, clock = series.make, series.clock

    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        with make() as timer:
            generator = function(*args, **kwargs)
            del args, kwargs
            resume: Any = functools.partial(_first_step, generator)
            passed: List[Any] = [None]
            while True:
                try:
                    passed.append(await resume(passed.pop()))
                except StopAsyncIteration:
                    return
                left = clock()
                try:
                    passed.append((yield passed.pop()))
                    resume = generator.asend
                except BaseException as error:  # GeneratorExit too: aclose() is such a throw
                    passed.append(error)
                    resume = generator.athrow
                timer._start += clock() - left

    return wrapper


def _is_iterable_coroutine(function: Any) -> bool:
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    return bool(flags & inspect.CO_ITERABLE_COROUTINE)


_KINDS = (
    (inspect.isasyncgenfunction, _async_generator),
    (inspect.iscoroutinefunction, _coroutine),
    (_is_iterable_coroutine, _iterable_coroutine),
    (inspect.isgeneratorfunction, _generator),
)
