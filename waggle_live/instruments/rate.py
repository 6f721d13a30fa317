"""Rates: events per second, from single ticks or from the mean duration of a block."""

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

#: The most events of one tick: the sum of several still travels as an exact integer.
MAX_EVENTS = 2**53

TICKS, BLOCKS = "ticks", "blocks"


class Rate(Timer):
    """Measures how often something happens.

    Ticked: ``tick()`` for one event, ``tick(n)`` for several at once, ``for frame in
    rate.each(frames)`` for one per item. As a block: ``with``, a decorator, ``start()``/``stop()``,
    or ``observe(seconds)`` for a duration measured elsewhere. A block's rate is 1 / its mean
    duration.

    The first use decides which of the two a rate is, for good. The other use then raises
    InvalidMetric. Thread-safe; never blocks. A killed process loses at most its last 0.25 s.
    """

    __slots__ = ()

    def tick(self, n: "Optional[SupportsIndex]" = None) -> None:
        """Record one event now, or ``n`` events at once; 0 records none.

        ``n``: a whole number from 0 to 2^53, NumPy's too. ``waggle_rate_last_per_second`` then
        spreads the ``n`` events evenly over the time since the last tick. Raises InvalidMetric for
        a number out of range or a rate used as a block, InvalidType for what is no whole number.
        """
        raise NotImplementedError  # bound per series

    def each(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield from ``items``, recording one event at each item's arrival.

        Raises InvalidType at the call if ``items`` can't be iterated, InvalidMetric if the rate is
        used as a block.
        """
        iterator = self.iterator("each", items)
        arrivals: Any = _Arrivals(self._ticked, iterator)
        arrivals.items = iterator
        return cast(Iterator[Item], arrivals)

    def each_async(self, items: AsyncIterable[Item]) -> AsyncIterator[Item]:
        """Yield from the asynchronous ``items``, recording one event at each item's arrival.

        Raises InvalidType at the call if ``items`` is no asynchronous iterable, InvalidMetric if
        the rate is used as a block.
        """
        if not hasattr(type(items), "__aiter__"):
            raise self._no_items("each_async", "an asynchronous iterable", items)
        return _AsyncArrivals(items, self)

    def iterator(self, method: str, items: Iterable[Item]) -> Iterator[Item]:
        """Return ``iter(items)``. Raises InvalidType, naming ``method``, if there is none."""
        try:
            return iter(items)
        except TypeError as error:
            raise self._no_items(method, "an iterable", items) from error

    def _no_items(self, method: str, right: str, items: Any) -> InvalidType:
        of = (method, self._series.state.name, right, describe(items))
        return InvalidType("%s of rate %r takes %s, got %s" % of)

    def _ticked(self, item: Item) -> Item:
        self.tick()  # looked up each time, since a fork changes it
        return item

    def __call__(self, function: Function) -> Function:
        """Return ``function`` with each of its calls measured as a block.

        Raises InvalidType for what can't be called, InvalidMetric if the rate is ticked.
        """
        series: Any = self._series
        decorated = super().__call__(function)
        series.use_as(BLOCKS)
        return decorated


class PassedOn:
    """Passes ``close`` and ``throw`` on to ``items``."""

    items: Any

    def close(self) -> None:
        """Close ``items``, if they can be closed."""
        close = getattr(self.items, "close", None)
        if close is not None:
            close()

    @property
    def throw(self) -> Any:
        """Throw into ``items``, by its own method: a call of ours would keep the exception."""
        return self.items.throw


class _Arrivals(PassedOn, map):  # type: ignore[type-arg]
    """Calls a function for each item. Threads can share it as ``items``, unlike a generator."""


class _AsyncArrivals(AsyncIterator[Item]):
    """Ticks ``rate`` for each item.

    Not a generator, at whose end the event loop would close ``items``. Here the owner of this
    object closes ``items`` with it.
    """

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
        """Throw into ``items``, by its own method."""
        items: Any = self._items
        return items.athrow


def _events(n: Any, name: str) -> int:
    try:
        events = index(n)
    except Exception as error:  # the author's __index__ may raise anything
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
    """Binds a rate's methods, and makes those of the other use raise after the first use."""

    base = Rate
    state: RateState

    def __init__(self, state: RateState, problems: Problems) -> None:
        self.use = ""
        self._settled: Dict[str, str] = {}
        super().__init__(state, problems)

    def install(self, enter: Any, start: Any, observe: Any) -> None:
        """Put the methods in place; before the first use, ones that decide which use it is.

        Each is put in place once: at no moment another thread finds one that doesn't check.
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
            # The overflow series stands for rates of both uses, and keeps what adds up: the events.
            if self.use == use or state.name == OVERFLOW:
                return method

            @wraps(method)
            def first(rate: Rate, *arguments: Any, **named: Any) -> Any:
                check(*arguments, **named)  # a wrong call doesn't decide the use
                series.use_as(use)
                # Not by name: another thread may be about to bind it.
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
        """Decide what this rate is used for. Raises InvalidMetric if it has the other use."""
        if self.use == use or self.state.name == OVERFLOW:
            return
        settled = self._settled.setdefault("use", use)  # one call: the first thread decides
        if settled != use:
            raise InvalidMetric(
                "rate %r is used as %s already, so not as %s: a rate is ticked (tick, each) or "
                "used as a block (with, decorator, start/stop, observe), not both"
                % (self.state.name, settled, use)
            )
        self.state.blocks = use == BLOCKS
        self.use = use
        self.bind()
