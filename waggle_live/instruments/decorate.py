"""Decorators that time the work of each kind of function, and not its creation."""

import functools
import inspect
from typing import Any

from ..series.state import FOLD_AT
from ..wire.errors import InvalidType, describe


def decorate(function: Any, series: Any) -> Any:
    """Return ``function`` with each call recorded in ``series`` (a ``TimerSeries``).

    A generator is one call: the sum of the time inside its resumes, recorded when it ends or is
    closed; so is an async generator. A coroutine is measured from its first step to its end, the
    time it waits included. ``staticmethod`` and ``classmethod`` objects keep their kind.

    A call that was running at a fork counts in the parent only. Raises InvalidType for what
    can't be called.
    """
    if isinstance(function, (staticmethod, classmethod)):
        return type(function)(decorate(function.__func__, series))
    if not callable(function):
        of = (series.state.kind, series.state.name, describe(function))
        raise InvalidType("%s %r decorates functions, got %s" % of)
    if inspect.isasyncgenfunction(function):
        wrapper = _async_generator(function, series)
    elif inspect.iscoroutinefunction(function) or _is_iterable_coroutine(function):
        wrapper = _coroutine(function, series)
    elif inspect.isgeneratorfunction(function):
        wrapper = _generator(function, series)
    else:
        wrapper = _plain(function, series)
    return functools.wraps(function)(wrapper)


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
        buffer.append(clock() - start)
        if len(buffer) > FOLD_AT:
            state.fold()
        return result

    return wrapper


def _coroutine(function: Any, series: Any) -> Any:
    make = series.make

    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        with make():
            return await function(*args, **kwargs)

    return wrapper


# The time of the consumer of a generator is taken out by moving the start of the timer.


def _generator(function: Any, series: Any) -> Any:
    make, clock = series.make, series.clock

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        resume, argument = generator.send, None
        with make() as timer:
            while True:
                try:
                    item = resume(argument)
                except StopIteration as stop:
                    return stop.value
                left = clock()
                try:
                    argument = yield item
                    resume = generator.send
                except BaseException as error:  # GeneratorExit too: close() is such a throw
                    argument = error
                    resume = generator.throw
                timer._start += clock() - left

    return wrapper


def _async_generator(function: Any, series: Any) -> Any:
    make, clock = series.make, series.clock

    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        resume, argument = generator.asend, None
        with make() as timer:
            while True:
                try:
                    item = await resume(argument)
                except StopAsyncIteration:
                    return
                left = clock()
                try:
                    argument = yield item
                    resume = generator.asend
                except BaseException as error:  # GeneratorExit too: aclose() is such a throw
                    argument = error
                    resume = generator.athrow
                timer._start += clock() - left

    return wrapper


def _is_iterable_coroutine(function: Any) -> bool:
    """Tell whether ``function`` is a generator that ``types.coroutine`` made awaitable."""
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    return bool(flags & inspect.CO_ITERABLE_COROUTINE)
