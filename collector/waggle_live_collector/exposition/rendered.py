"""The lines of one series, rendered again only when something in them changed.

Everything of a line but its number is rendered once per series; the buckets of a histogram are
filled in by one ``%`` and two replacements. Each kind of series has one class here, which gives one
chunk of text for each of its families.
"""

from collections.abc import Callable
from functools import partial
from itertools import accumulate
from typing import Any, Protocol

from waggle_live.wire import protocol
from waggle_live.wire.histogram import BUCKETS_PER_DOUBLING, MAX_INDEX, MIN_INDEX

from ..clock import Clock
from ..table.kinds.function import TIMES, FunctionSeries
from ..table.kinds.rate import RateSeries
from ..table.kinds.tau_run import TauRunSeries
from ..table.kinds.timer import BOUNDS, TimerSeries
from ..table.series import NEVER, Series, Stamp
from . import families as f
from .families import Family
from .format import Pairs, around, number, prefix, template, timestamp

QUANTILES = (0.5, 0.95, 0.99)
#: From here on Go writes exponents; below, ``%d.0`` is right for a whole number.
_PLAIN = 1_000_000
#: A version that no series has.
_NOTHING = -1

#: The 22 bucket lines of any histogram: the bound, a NUL, the number. What stands before the
#: bound and after it is put in for each series; keeping whole lines would take 3 kB a series.
_BUCKETS = b"\n".join(bound + b"\0%d.0" for bound in (*map(number, BOUNDS), number(float("inf"))))
#: Middle of each bucket in seconds, as text: a quantile is always one of these.
_MIDDLES = [
    number(2.0 ** ((index - 0.5) / BUCKETS_PER_DOUBLING))
    for index in range(MIN_INDEX, MAX_INDEX + 1)
]


class Lines(Protocol):
    """The text of one series, one chunk for each of the families of its kind."""

    def render(self, now: float) -> tuple[bytes, ...]:
        """Return one chunk per family, whole lines or nothing."""


class TimerLines:
    """Histogram, last, recent quantiles and mean, failures."""

    def __init__(self, series: TimerSeries, identity: Pairs) -> None:
        self._series = series
        pairs = _pairs(identity, series.totals.name, series.totals.labels)
        name = f.TIMER_SECONDS.name
        self._before, self._after = around(f"{name}_bucket", pairs, "le")
        self._count = prefix(f"{name}_count", pairs)
        self._sum = prefix(f"{name}_sum", pairs)
        self._recent = b"".join(
            template(f.TIMER_RECENT.name, [*pairs, ("q", str(q))]) for q in QUANTILES
        )
        self._last = prefix(f.TIMER_LAST.name, pairs)
        self._mean = prefix(f.TIMER_RECENT_MEAN.name, pairs)
        self._failures = prefix(f.TIMER_FAILURES.name, pairs)
        self._chunks: tuple[bytes, ...] = ()
        self._seen = self._seen_window = _NOTHING

    def render(self, now: float) -> tuple[bytes, ...]:
        """Return the chunks of the five families."""
        series = self._series
        series.recent.advance(now)
        window = series.recent.version
        if series.version != self._seen:
            totals = series.totals
            last = totals.last
            self._chunks = (
                self._distribution(),
                b"" if last is None else b"%b%b\n" % (self._last, number(last / 1e9)),
                *self._window(),
                b"%b%b\n" % (self._failures, number(totals.failures)),
            )
        elif window != self._seen_window:
            self._chunks = (*self._chunks[:2], *self._window(), self._chunks[4])
        self._seen, self._seen_window = series.version, window
        return self._chunks

    def _distribution(self) -> bytes:
        totals = self._series.totals
        counts = tuple(accumulate(totals.bins))
        if totals.count < _PLAIN:
            lines = _BUCKETS % counts
        else:
            lines = _BUCKETS.replace(b"%d.0", b"%b") % tuple(map(number, counts))
        # No label has a newline in it (it is escaped there), but it may well have a NUL.
        lines = lines.replace(b"\0", self._after).replace(b"\n", b"\n" + self._before)
        count, total = number(totals.count), number(totals.sum / 1e9)
        tail = (self._count, count, self._sum, total)
        return b"%b%b\n%b%b\n%b%b\n" % (self._before, lines, *tail)

    def _window(self) -> tuple[bytes, bytes]:
        recent = self._series.recent
        if not recent.count:
            return b"", b""
        mean = number(recent.sum / recent.count / 1e9)
        quantiles = tuple(quantile_texts(recent.buckets))
        return self._recent % quantiles, b"%b%b\n" % (self._mean, mean)


class RateLines:
    """Events, per second over the window, of blocks by their duration, per second by the last."""

    def __init__(self, series: RateSeries, identity: Pairs) -> None:
        self._series = series
        pairs = _pairs(identity, series.totals.name, series.totals.labels)
        self._events = prefix(f.RATE_EVENTS.name, pairs)
        self._per_second = prefix(f.RATE_PER_SECOND.name, pairs)
        self._block = prefix(f.RATE_BLOCK.name, pairs)
        self._last = prefix(f.RATE_LAST.name, pairs)
        self._chunks: tuple[bytes, ...] = ()
        self._seen = _NOTHING
        self._quiet = False

    def render(self, now: float) -> tuple[bytes, ...]:
        """Return the chunks of the four families."""
        series = self._series
        series.recent.advance(now)
        quiet = not series.recent.count
        # While there are events in the window the rate moves with the time itself.
        if series.version != self._seen or not (quiet and self._quiet):
            block, last = series.block_per_second(), series.last_per_second()
            self._chunks = (
                b"%b%b\n" % (self._events, number(series.totals.count)),
                b"%b%b\n" % (self._per_second, number(series.recent.per_second(now))),
                b"" if block is None else b"%b%b\n" % (self._block, number(block)),
                b"" if last is None else b"%b%b\n" % (self._last, number(last)),
            )
            self._seen, self._quiet = series.version, quiet
        return self._chunks


class ValueLine:
    """The single line of a series that has a ``value()``; ``label`` holds its name, if any does."""

    def __init__(self, series: Any, identity: Pairs, family: Family, label: str) -> None:
        self._series = series
        totals = series.totals
        named = [(label, totals.name)] if label else []
        self._prefix = prefix(family.name, [*identity, *named, *totals.labels])
        self._chunks = (b"",)
        self._seen = _NOTHING

    def render(self, now: float) -> tuple[bytes, ...]:
        """Return the one chunk."""
        series = self._series
        if series.version != self._seen:
            value = series.value()
            line = b"" if value is None else b"%b%b\n" % (self._prefix, number(value))
            self._chunks, self._seen = (line,), series.version
        return self._chunks


class FunctionLines:
    """One line for each number of a function that is measured."""

    families = (
        f.TAU_CALLS,
        f.TAU_EXCLUSIVE,
        f.TAU_INCLUSIVE,
        f.TAU_EXCLUSIVE_CPU,
        f.TAU_INCLUSIVE_CPU,
    )

    def __init__(self, series: FunctionSeries, identity: Pairs) -> None:
        self._series = series
        pairs = [*identity, ("function", series.totals.name)]
        self._prefixes = [prefix(family.name, pairs) for family in self.families]
        self._chunks: tuple[bytes, ...] = ()
        self._seen = _NOTHING

    def render(self, now: float) -> tuple[bytes, ...]:
        """Return the chunks of the families."""
        series = self._series
        if series.version != self._seen:
            times = [getattr(series.totals, time) for time in TIMES]
            values = [series.totals.calls, *(time and time / 1e9 for time in times)]
            self._chunks = tuple(
                b"" if value is None else b"%b%b\n" % (before, number(value))
                for before, value in zip(self._prefixes, values, strict=True)
            )
            self._seen = series.version
        return self._chunks


class TauRunLines:
    """Functions dropped, torn reads, the time of the last dump; rendered anew each time."""

    def __init__(self, series: TauRunSeries, identity: Pairs) -> None:
        self._series = series
        identity = list(identity)
        self._dropped = prefix(f.TAU_DROPPED.name, identity)
        self._torn = prefix(f.TAU_TORN.name, identity)

    def render(self, now: float) -> tuple[bytes, ...]:
        """Return the two chunks."""
        totals = self._series.totals
        return (
            b"%b%b\n" % (self._dropped, number(totals.dropped)),
            b"%b%b\n" % (self._torn, number(totals.torn)),
        )


Renderer = tuple[Callable[[Any, Pairs], Lines], tuple[Family, ...]]


def _value(family: Family, label: str = "name") -> Renderer:
    return partial(ValueLine, family=family, label=label), (family,)


#: What renders each kind of series, and the families that its chunks belong to.
RENDERERS: dict[str, Renderer] = {
    protocol.TIMER: (
        TimerLines,
        (f.TIMER_SECONDS, f.TIMER_LAST, f.TIMER_RECENT, f.TIMER_RECENT_MEAN, f.TIMER_FAILURES),
    ),
    protocol.RATE: (RateLines, (f.RATE_EVENTS, f.RATE_PER_SECOND, f.RATE_BLOCK, f.RATE_LAST)),
    protocol.GAUGE: _value(f.VALUE),
    protocol.COUNTER: _value(f.COUNT),
    protocol.MESSAGES: _value(f.MESSAGES),
    protocol.UPLOADS: _value(f.UPLOADS, ""),
    protocol.PROBLEM: _value(f.PROBLEMS, "reason"),
    protocol.FUNCTION: (FunctionLines, FunctionLines.families),
    protocol.TAU: (TauRunLines, (f.TAU_DROPPED, f.TAU_TORN)),
}


def make(series: Series, identity: Pairs) -> Lines:
    """Return the lines of a series."""
    return RENDERERS[series.totals.kind][0](series, identity)


class StampLine:
    """The line that says when a name was last updated."""

    def __init__(self, stamp: Stamp, identity: Pairs) -> None:
        self._stamp = stamp
        self._prefix = prefix(f.UPDATED.name, _pairs(identity, stamp.name, stamp.labels))
        self._from: tuple[float, int] | None = None
        self._line = b""

    def render(self, clock: Clock) -> bytes:
        """Return the line; nothing as long as no cell has set the stamp."""
        at = self._stamp.at
        if self._from != (at, clock.steps) and at != NEVER:
            self._line = b"%b%b\n" % (self._prefix, timestamp(clock.unix_ms(at)))
            self._from = at, clock.steps
        return self._line


def quantile_texts(buckets: dict[int, int]) -> list[bytes]:
    """Return the quantiles of a histogram as text, in one pass.

    The same rank as ``histogram.quantile``, which would sort and sum once per quantile.
    """
    total = sum(buckets.values())
    ranks = [q * total for q in QUANTILES]
    texts: list[bytes] = []
    seen = 0
    for index in sorted(buckets):
        seen += buckets[index]
        while seen >= ranks[len(texts)]:
            texts.append(_MIDDLES[index - MIN_INDEX])
            if len(texts) == len(ranks):
                return texts
    return texts


def _pairs(identity: Pairs, name: str, labels: Pairs) -> list[tuple[str, str]]:
    return [*identity, ("name", name), *labels]
