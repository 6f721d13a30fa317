"""Pace: takes items no faster than a knob allows."""

import time
from sys import float_info
from typing import Any, Iterator

from ..control.knob import Knob
from ..native import Native, sleeps_as_greenlet
from ..wire.errors import InvalidMetric
from ..wire.knobs import HIGHER, Declaration, declare
from .rate import Item, PassedOn, Rate

#: Default bounds in items per second. The upper one means no limit.
DEFAULT_LOW, DEFAULT_HIGH = 1.0, 1000.0
#: The longest sleep in seconds: so a lifted limit takes effect after that at the latest.
SLICE_SECONDS = 0.25


class Limit:
    """Sleeps as a knob in items per second says. Thread-safe: threads share the limit."""

    def __init__(self, knob: Knob[Any]) -> None:
        self.knob = knob
        self._none: Any = knob.declaration.high
        #: Monotonic time at which the latest item was let pass, or should have been.
        self._passed_at = float("-inf")
        knob.count_sleep()

    @property
    def is_set(self) -> bool:
        """Tell whether there is a limit at all."""
        return bool(self.knob.current < self._none)

    def wait(self) -> None:
        """Sleep until the next item may be taken."""
        begin = Native.monotonic()
        try:
            while self.is_set:
                left = self._left(Native.monotonic(), 1 / float(self.knob.current))
                if left <= 0:
                    break
                _sleep(min(left, SLICE_SECONDS))
        finally:
            with self.knob.lock:
                self.knob.slept = (self.knob.slept or 0.0) + Native.monotonic() - begin

    def _left(self, now: float, period: float) -> float:
        """Return the seconds until an item may be taken; if that is now, count the item."""
        with self.knob.lock:
            due = self._passed_at + period
            if now >= due:
                # A delay of less than a period is made up for, so that the mean rate is the limit.
                self._passed_at = due if now - due < period else now
            return due - now


class Paced(PassedOn, Iterator[Item]):
    """Takes items within a limit, and counts one event of a rate at each item's arrival.

    Not a generator: threads can share ``items``, but couldn't share a generator.
    """

    items: Iterator[Item]

    def __init__(self, rate: Rate, items: Iterator[Item], limit: Limit) -> None:
        self.items = items
        self._rate = rate
        self._limit = limit
        self._knob = limit.knob
        self._default = limit.knob.declaration.default

    def __next__(self) -> Item:
        if self._knob.current is not self._default:  # no limit; "is" is faster than to compare
            self._limit.wait()
        item = next(self.items)
        self._rate.tick()  # looked up each time, since a fork changes it
        return item


def declare_limit(name: Any, low: Any, high: Any) -> Declaration:
    """Return the declaration of a limit in items per second.

    Raises InvalidMetric or InvalidType for a bad name, or bounds that are no numbers above 0.
    """
    given: Any = declare(name, high, low=low, high=high, better=HIGHER)
    low, high = float(given.low), float(given.high)
    if not low >= float_info.min:  # the period of a smaller one is infinite
        raise InvalidMetric("low of pace %r must be above 0 items a second, got %r" % (name, low))
    return declare(name, high, low=low, high=high, better=HIGHER)


def _sleep(seconds: float) -> None:
    """Sleep in this thread. Under gevent and eventlet other greenlets run meanwhile."""
    if sleeps_as_greenlet():
        time.sleep(seconds)
    else:
        Native.sleep(seconds)
