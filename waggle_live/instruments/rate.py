"""Rates: events per second, ticked one by one or as blocks whose mean duration gives them."""

from functools import wraps
from typing import Any, AsyncIterable, AsyncIterator, Dict, Iterable, Iterator, Tuple, TypeVar

from ..series.problems import Problems
from ..series.rate import RateState
from ..series.state import FOLD_AT
from ..wire.errors import InvalidMetric, InvalidType, describe
from ..wire.protocol import OVERFLOW
from .timer import Function, Timer, TimerSeries

Item = TypeVar("Item")

TICKS, BLOCKS = "ticks", "blocks"


class Rate(Timer):
    """Measures how often something happens.

    Ticked: ``tick()`` for one event, or ``for frame in rate.each(frames)`` for one per item.
    As a block (``with``, decorator, ``start()``/``stop()``): 1 / the mean duration. A rate is
    one or the other for good; the first use decides, and mixing them raises
    :class:`InvalidMetric`. Safe for threads; never blocks.
    """

    __slots__ = ()

    def tick(self) -> None:
        """Record one event, now."""
        raise NotImplementedError  # bound per series

    def each(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield from ``items``, one event per item at the moment it arrives.

        Raises InvalidType at the call for what can't be iterated.
        """
        try:
            iterator = iter(items)
        except TypeError as error:
            raise self._no_items("each", "an iterable", items) from error
        return self._each(iterator)

    def _each(self, items: Iterator[Item]) -> Iterator[Item]:
        for item in items:
            self.tick()  # looked up each time, for it changes with a fork
            yield item

    def each_async(self, items: AsyncIterable[Item]) -> AsyncIterator[Item]:
        """Yield from the asynchronous ``items``, one event per item as it arrives.

        Raises InvalidType at the call for what can't be iterated so.
        """
        if not hasattr(type(items), "__aiter__"):
            raise self._no_items("each_async", "an asynchronous iterable", items)
        return self._each_async(items)

    def _no_items(self, method: str, right: str, items: Any) -> InvalidType:
        of = (method, self._series.state.name, right, describe(items))
        return InvalidType("%s of rate %r takes %s, got %s" % of)

    async def _each_async(self, items: AsyncIterable[Item]) -> AsyncIterator[Item]:
        async for item in items:
            self.tick()
            yield item

    def __call__(self, function: Function) -> Function:
        """Return ``function`` with each of its calls measured as a block."""
        series: Any = self._series
        series.use_as(BLOCKS)
        return super().__call__(function)


class RateSeries(TimerSeries):
    """Binds a rate's methods, and turns those of the other use into errors at the first use."""

    base = Rate
    state: RateState

    def __init__(self, state: RateState, problems: Problems) -> None:
        self.use = ""
        self._settled: Dict[str, str] = {}
        super().__init__(state, problems)

    def install(self, enter: Any, start: Any) -> None:
        """Put the methods in place; before the first use, ones that decide what it is.

        Each at once for good, never for a moment one that doesn't check: there are other threads.
        """
        series, timer_class = self, self.timer_class
        state, clock = self.state, self.clock
        buffer, append, fold = state.buffer, state.append, state.fold

        def tick(_: Rate) -> None:
            append(clock())
            if len(buffer) > FOLD_AT:
                fold()

        def checked(method: Any, use: str) -> Any:
            # The overflow series stands for rates of both uses and keeps what adds up: the events.
            if self.use == use or state.name == OVERFLOW:
                return method

            @wraps(method)
            def first(rate: Rate) -> Any:
                series.use_as(use)
                return method(rate)  # not by its name: another thread may be about to bind it

            return first

        timer_class.tick = checked(tick, TICKS)
        timer_class.__enter__ = checked(enter, BLOCKS)
        timer_class.start = checked(start, BLOCKS)

    def __reduce__(self) -> Tuple[Any, ...]:
        return (*super().__reduce__(), self.use or None)

    def __setstate__(self, use: str) -> None:
        self.use_as(use)

    def use_as(self, use: str) -> None:
        """Settle what this rate is used for, or raise InvalidMetric if it is the other already."""
        if self.use == use or self.state.name == OVERFLOW:
            return
        settled = self._settled.setdefault("use", use)  # in one call: of several threads the first
        if settled != use:
            raise InvalidMetric(
                "rate %r is used as %s already, so not as %s: a rate is ticked (tick, each) or "
                "used as a block (with, decorator, start/stop), not both"
                % (self.state.name, settled, use)
            )
        self.state.blocks = use == BLOCKS
        self.use = use
        self.bind()
