"""Decorators that time the work of each kind of function, not the making of its result."""

import functools
import inspect
import sys
import types
from contextlib import suppress
from typing import Any, List, Set

from ..series.state import FOLD_AT
from ..wire.errors import InvalidType, describe

#: An awaitable with one of these is also used without await, as aiohttp's requests are.
_PROTOCOLS = {
    *("__aenter__", "__aiter__", "__call__", "__enter__"),
    *("__getattr__", "__getitem__", "__iter__", "__len__"),
}


class _Plain:
    """Types of results that are known to be no coroutines. All others are looked at each time."""

    # An attribute of a class, so that it is pickled by name, not by value with each wrapper.
    types: Set[type] = set()
    max_types = 256


def decorate(function: Any, series: Any) -> Any:
    """Return ``function`` with each call recorded in ``series`` (a ``TimerSeries``).

    A generator is one call: the sum of the time inside its resumes, recorded when it ends or is
    closed. An async generator is measured likewise. A coroutine, also one that a plain function
    returns, is measured from its first step to its end, waits included. ``staticmethod`` and
    ``classmethod`` objects keep their kind, and ``inspect`` sees what it sees of ``function``.

    A call that raises counts as a failure, also if its arguments don't fit. For a generator or
    coroutine the first step shows that, not the call. A call that was running at a fork counts in
    the parent only. Raises InvalidType for what can't be called.
    """
    methods = (staticmethod, classmethod)
    if issubclass(type(function), methods):
        return type(function)(decorate(function.__func__, series))
    if not callable(function) or isinstance(function, methods):  # a proxy may claim to be callable
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
    # The class of a callable object may have this attribute.
    if hasattr(function, "_is_coroutine"):  # read by asyncio.iscoroutinefunction
        wrapper._is_coroutine = function._is_coroutine
    return wrapper


def _work(function: Any) -> Any:
    """Return the function that a partial or callable object calls, else ``function`` itself."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isroutine(function) or inspect.isclass(function):
        return function
    return type(function).__call__


class _Object(functools.partial):  # type: ignore[type-arg]
    """Measures a callable object.

    Like that object it is pickled and copied by value, and not bound by a class that holds it.
    """

    def __get__(self, instance: Any, owner: Any = None) -> "_Object":
        return self

    def __reduce__(self) -> Any:
        wrapper: Any = self.func
        return decorate, wrapper.measures


def _is_object(function: Any) -> bool:
    """Tell whether it is a bound method, a partial or a callable object: no function, no class."""
    if isinstance(function, (types.MethodType, functools.partial)):
        return True
    return not inspect.isclass(function) and not hasattr(type(function), "__get__")


def _hidden(function: Any) -> Any:
    """Return a plain function that calls ``function``, which ``inspect`` doesn't take for one."""

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def _plain(function: Any, series: Any) -> Any:
    """Measure without a timer object, which would double the cost of the measurement."""
    state, clock, append_failed = series.state, series.clock, series.append_failed

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        buffer = state.buffer  # kept: a child forked during the call appends to the parent's
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
            except Exception:  # a metaclass can make its classes unhashable
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
    """Return a coroutine that measures the one that ``function`` returned; None if there is none.

    An awaitable that can do more, such as a Future, stays as it is: its work happens elsewhere.
    """
    kind = type(result)
    if kind is types.GeneratorType:
        if not result.gi_code.co_flags & inspect.CO_ITERABLE_COROUTINE:
            return None
        measured = _iterable_coroutine
    else:
        names = set().union(*[vars(each) for each in kind.__mro__])  # no code of the author runs
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
    """Measures an awaitable each time that it is awaited, which may be more than once."""

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
            del args, kwargs  # only the coroutine keeps them
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


# The consumer's time is left out by moving the start of the timer. Values are handed on through a
# list, so that this side keeps no reference to them. An exception that is kept would keep all
# frames that it passed.


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
                except BaseException as error:  # GeneratorExit too: close() throws it
                    passed.append(error)
                    resume = generator.throw
                timer._start += clock() - left

    return wrapper


def _first_step(generator: Any, nothing: None) -> Any:
    """Begin an async generator without telling the event loop of it.

    The loop would close it at its end, and so would its wrapper, which the loop knows.
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)  # a generator takes them at this call, not when awaited
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
                except BaseException as error:  # GeneratorExit too: aclose() throws it
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
