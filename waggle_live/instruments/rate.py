"""Rates: events per second, ticked one by one or as blocks whose mean duration gives them."""

from functools import wraps
from operator import index
from typing import (
    TYPE_CHECKING,
    Any,
    AsyncIterable,
    AsyncIterator,
    Dict,
    Iterable,
    Iterator,
    Optional,
    Tuple,
    TypeVar,
    cast,
)

from ..native import Native
from ..series.problems import Problems
from ..series.rate import RateState
from ..series.state import FOLD_AT
from ..wire.errors import InvalidMetric, InvalidType, describe
from ..wire.protocol import OVERFLOW
from .timer import Function, Timer, TimerSeries, to_nanoseconds

if TYPE_CHECKING:
    from typing import SupportsIndex  # newer than Python 3.6

Item = TypeVar("Item")

#: Most events of one tick: sums of some stay whole on the wire.
MAX_EVENTS = 2**53

TICKS, BLOCKS = "ticks", "blocks"


class Rate(Timer):
    """Measures how often something happens.

    Ticked: ``tick()`` for one event, ``tick(n)`` for several at once, or
    ``for frame in rate.each(frames)`` for one per item. As a block (``with``, decorator,
    ``start()``/``stop()``, ``observe(seconds)`` for one that was measured elsewhere): 1 / the mean
    duration. A rate is one or the other for good; the first use decides, and mixing them raises
    :class:`InvalidMetric`. Safe for threads; never blocks.
    """

    __slots__ = ()

    def tick(self, n: "Optional[SupportsIndex]" = None) -> None:
        """Record one event, now; or ``n`` events at once, 0 for none.

        ``n``: a whole number of 0 to 2^53, NumPy's too; raises InvalidType or InvalidMetric.
        ``waggle_rate_last_per_second`` is then of the ``n`` events, evenly spread over the time
        since the tick before.
        """
        raise NotImplementedError  # bound per series

    def each(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield from ``items``, one event per item at the moment it arrives.

        Raises InvalidType at the call for what can't be iterated.
        """
        iterator = self.iterator("each", items)
        arrivals: Any = _Arrivals(self._ticked, iterator)
        arrivals.items = iterator
        return cast(Iterator[Item], arrivals)

    def each_async(self, items: AsyncIterable[Item]) -> AsyncIterator[Item]:
        """Yield from the asynchronous ``items``, one event per item as it arrives.

        Raises InvalidType at the call for what can't be iterated so.
        """
        if not hasattr(type(items), "__aiter__"):
            raise self._no_items("each_async", "an asynchronous iterable", items)
        return _AsyncArrivals(items, self)

    def iterator(self, method: str, items: Iterable[Item]) -> Iterator[Item]:
        """Return ``iter(items)``; raises InvalidType in the name of a method for what has none."""
        try:
            return iter(items)
        except TypeError as error:
            raise self._no_items(method, "an iterable", items) from error

    def _no_items(self, method: str, right: str, items: Any) -> InvalidType:
        of = (method, self._series.state.name, right, describe(items))
        return InvalidType("%s of rate %r takes %s, got %s" % of)

    def _ticked(self, item: Item) -> Item:
        self.tick()  # looked up each time, for it changes with a fork
        return item

    def __call__(self, function: Function) -> Function:
        """Return ``function`` with each of its calls measured as a block."""
        series: Any = self._series
        decorated = super().__call__(function)
        series.use_as(BLOCKS)
        return decorated


class PassedOn:
    """Closed, and thrown into, as its ``items`` are."""

    items: Any

    def close(self) -> None:
        """Close ``items``, if they can be closed."""
        close = getattr(self.items, "close", None)
        if close is not None:
            close()

    @property
    def throw(self) -> Any:
        """Throws into ``items``. Their own method: a call of ours would keep what it throws."""
        return self.items.throw


class _Arrivals(PassedOn, map):  # type: ignore[type-arg]
    """Calls a function for each item. No generator, which threads couldn't share as they can share
    ``items``."""


class _AsyncArrivals(AsyncIterator[Item]):
    """Ticks ``rate`` for each item. No generator, whose own end would leave that of ``items`` to
    the event loop: what holds this one, or closes it, does so with ``items``."""

    def __init__(self, items: AsyncIterable[Item], rate: Rate) -> None:
        self._items = items.__aiter__()
        self._rate = rate

    async def __anext__(self) -> Item:
        item = await self._items.__anext__()
        self._rate.tick()
        return item

    async def aclose(self) -> None:
        """Close ``items``, if they can be closed: for ``contextlib.aclosing``."""
        close = getattr(self._items, "aclose", None)
        if close is not None:
            await close()

    @property
    def athrow(self) -> Any:
        """Throws into ``items``, by their own method."""
        items: Any = self._items
        return items.athrow


def _events(n: Any, name: str) -> int:
    try:
        events = index(n)
    except Exception as error:  # of an __index__ of the author's too
        if Native.is_of_handler(error):
            raise
        raise InvalidType(
            "the events of rate %r must be a whole number, got %s" % (name, describe(n))
        ) from error
    if not 0 <= events <= MAX_EVENTS:
        raise InvalidMetric(
            "the events of rate %r must be 0 to 2^53 at once, got %s" % (name, describe(events))
        )
    return events


class RateSeries(TimerSeries):
    """Binds a rate's methods, and turns those of the other use into errors at the first use."""

    base = Rate
    state: RateState

    def __init__(self, state: RateState, problems: Problems) -> None:
        self.use = ""
        self._settled: Dict[str, str] = {}
        super().__init__(state, problems)

    def install(self, enter: Any, start: Any, observe: Any) -> None:
        """Put the methods in place; before the first use, ones that decide what it is.

        Each at once for good, never for a moment one that doesn't check: there are other threads.
        """
        series, timer_class = self, self.timer_class
        state, clock = self.state, self.clock
        buffer, append, fold = state.buffer, state.append, state.fold

        def tick(_: Rate, n: Any = None) -> None:
            if n is None:
                append(clock())
            else:
                events = _events(n, state.name)
                if not events:
                    return
                state.batched = True
                append((clock(), events))
            if len(buffer) > FOLD_AT:
                fold()

        def check_tick(n: Any = None) -> None:
            if n is not None:
                _events(n, state.name)

        def check_observe(seconds: Any) -> None:
            to_nanoseconds(seconds, state.name)

        def checked(method: Any, use: str, check: Any = lambda: None) -> Any:
            # The overflow series stands for rates of both uses and keeps what adds up: the events.
            if self.use == use or state.name == OVERFLOW:
                return method

            @wraps(method)
            def first(rate: Rate, *arguments: Any, **named: Any) -> Any:
                check(*arguments, **named)  # a call that is wrong settles nothing
                series.use_as(use)
                # Not by its name: another thread may be about to bind it.
                return method(rate, *arguments, **named)

            return first

        timer_class.tick = checked(tick, TICKS, check_tick)
        timer_class.__enter__ = checked(enter, BLOCKS)
        timer_class.start = checked(start, BLOCKS)
        timer_class.observe = checked(observe, BLOCKS, check_observe)

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
                "used as a block (with, decorator, start/stop, observe), not both"
                % (self.state.name, settled, use)
            )
        self.state.blocks = use == BLOCKS
        self.use = use
        self.bind()
