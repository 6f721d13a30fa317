"""Decorators that time the work of each kind of function, and not its creation.

A wrapper remembers where it appends before it calls the function: if the process forks inside,
the child's end of the call goes to the buffer that died with the fork, and counts in the parent.
"""

import functools
import inspect
from typing import Any

from ..series.state import FOLD_AT
from ..wire.errors import InvalidType
from .signature import wrap


def decorate(function: Any, series: Any) -> Any:
    """Return ``function`` with each call recorded in ``series`` (a ``TimerSeries``).

    A generator is one call: the sum of the time inside its resumes, recorded when it ends or is
    closed; so is an async generator. A coroutine is measured from its first step to its end, the
    time it waits included. ``staticmethod`` and ``classmethod`` objects keep their kind.
    """
    if isinstance(function, (staticmethod, classmethod)):
        return type(function)(decorate(function.__func__, series))
    if not callable(function):
        raise InvalidType("a timer decorates functions, got %.60r" % (function,))
    if inspect.isasyncgenfunction(function):
        wrapper = _async_generator(function, series)
    elif inspect.iscoroutinefunction(function) or _is_iterable_coroutine(function):
        wrapper = _coroutine(function, series)
    elif inspect.isgeneratorfunction(function):
        wrapper = _generator(function, series)
    else:
        wrapper = _plain(function, series)
    return functools.wraps(function)(wrapper)


_PLAIN = """
def bind(_live_function, _live_cell, _live_clock, _live_raised, _live_any, _live_len, _live_full):
    def {name}({parameters}):
        _live_buffer = _live_cell.buffer
        _live_start = _live_clock()
        try:
            _live_result = _live_function({arguments})
        except _live_any as _live_error:
            _live_raised(_live_buffer, _live_clock() - _live_start, _live_error)
            raise
        _live_buffer.append(_live_clock() - _live_start)
        if _live_len(_live_buffer) > _live_full:
            _live_cell.fold()
        return _live_result
    return {name}
"""


def _plain(function: Any, series: Any) -> Any:
    cell, fail = series.cell, series.fail

    def raised(buffer: Any, duration: int, error: BaseException) -> None:
        _fail(cell, buffer.append, fail, error)
        buffer.append(duration)

    return wrap(function, _PLAIN, function, cell, series.clock, raised, BaseException, len, FOLD_AT)


def _coroutine(function: Any, series: Any) -> Any:
    cell, clock, fail = series.cell, series.clock, series.fail

    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        append = cell.append
        start = clock()
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            end = clock()
            _fail(cell, append, fail, error)
            append(end - start)
            raise
        append(clock() - start)
        if len(cell.buffer) > FOLD_AT:
            cell.fold()
        return result

    return wrapper


def _generator(function: Any, series: Any) -> Any:
    cell, clock, fail = series.cell, series.clock, series.fail

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        append = cell.append
        spent = 0
        generator = function(*args, **kwargs)
        resume, argument = generator.send, None
        try:
            while True:
                start = clock()
                try:
                    item = resume(argument)
                except StopIteration as stop:
                    return stop.value
                finally:
                    spent += clock() - start
                try:
                    argument = yield item
                    resume = generator.send
                except BaseException as error:  # GeneratorExit too: close() is such a throw
                    argument = error
                    resume = generator.throw
        except BaseException as error:
            _fail(cell, append, fail, error)
            raise
        finally:
            append(spent)
            if len(cell.buffer) > FOLD_AT:
                cell.fold()

    return wrapper


def _async_generator(function: Any, series: Any) -> Any:
    cell, clock, fail = series.cell, series.clock, series.fail

    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        append = cell.append
        spent = 0
        generator = function(*args, **kwargs)
        resume, argument = generator.asend, None
        try:
            while True:
                start = clock()
                try:
                    item = await resume(argument)
                except StopAsyncIteration:
                    return
                finally:
                    spent += clock() - start
                try:
                    argument = yield item
                    resume = generator.asend
                except BaseException as error:  # GeneratorExit too: aclose() is such a throw
                    argument = error
                    resume = generator.athrow
        except BaseException as error:
            _fail(cell, append, fail, error)
            raise
        finally:
            append(spent)
            if len(cell.buffer) > FOLD_AT:
                cell.fold()

    return wrapper


def _fail(cell: Any, append: Any, fail: Any, error: BaseException) -> None:
    """Mark a failure, unless the call began before a fork that this process is the child of."""
    if append.__self__ is cell.buffer:
        fail(type(error))


def _is_iterable_coroutine(function: Any) -> bool:
    """Tell whether ``function`` is a generator that ``types.coroutine`` made awaitable."""
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    return bool(flags & inspect.CO_ITERABLE_COROUTINE)
