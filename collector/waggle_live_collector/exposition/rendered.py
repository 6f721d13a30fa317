"""The lines of one series, rendered again only when something in them changed.

Everything of a line but its number is rendered once per series; the buckets of a histogram are
filled in by one ``%`` and two replacements. Each kind of series has one class here, which gives one
chunk of text for each of its families.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from waggle_live.wire import protocol
from waggle_live.wire.histogram import BUCKETS_PER_DOUBLING, MAX_INDEX, MIN_INDEX

from ..clock import Clock
from ..table.buckets import BOUNDS, Buckets
from ..table.kinds.function import TIMES, FunctionSeries
from ..table.kinds.rate import RateSeries
from ..table.kinds.tau_run import TauRunSeries
from ..table.kinds.timer import TimerSeries
from ..table.series import NEVER, Series, Stamp
from . import families as f
from .families import Family
from .format import Pairs, around, line, number, prefix, template, timestamp

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


Families = tuple[Family, ...]
#: Returns the numbers of a series at a time, one for each of its families.
Numbers = Callable[[Any, float], tuple[float | None, ...]]
Renderer = tuple[Callable[[Any, Pairs], Lines], Families]


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
            last = series.totals.last
            self._chunks = (
                self._distribution(),
                line(self._last, None if last is None else last / 1e9),
                *self._window(),
                line(self._failures, series.totals.failures),
            )
        elif window != self._seen_window:
            self._chunks = (*self._chunks[:2], *self._window(), self._chunks[4])
        self._seen, self._seen_window = series.version, window
        return self._chunks

    def _distribution(self) -> bytes:
        totals = self._series.totals
        counts = tuple(totals.buckets.cumulated())
        if totals.count < _PLAIN:
            lines = _BUCKETS % counts
        else:
            lines = _BUCKETS.replace(b"%d.0", b"%b") % tuple(map(number, counts))
        # No label has a newline in it (it is escaped there), but it may well have a NUL.
        lines = lines.replace(b"\0", self._after).replace(b"\n", b"\n" + self._before)
        tail = line(self._count, totals.count), line(self._sum, totals.sum / 1e9)
        return b"%b%b\n%b%b" % (self._before, lines, *tail)

    def _window(self) -> tuple[bytes, bytes]:
        recent = self._series.recent
        if not recent.count:
            return b"", b""
        quantiles = tuple(quantile_texts(recent.buckets))
        return self._recent % quantiles, line(self._mean, recent.sum / recent.count / 1e9)


class PlainLines:
    """One line for each number of a series; ``numbers`` returns them, None for no line.

    ``label`` holds the name of the series, if any does.
    """

    def __init__(
        self, series: Any, identity: Pairs, families: Families, numbers: Numbers, label: str
    ) -> None:
        self._series = series
        self._numbers = numbers
        totals = series.totals
        pairs = [*identity, *([(label, totals.name)] if label else []), *totals.labels]
        self._prefixes = [prefix(family.name, pairs) for family in families]
        self._chunks: tuple[bytes, ...] = ()
        self._seen = _NOTHING

    def render(self, now: float) -> tuple[bytes, ...]:
        """Return the chunks of the families."""
        series = self._series
        if series.version != self._seen:
            self._chunks = tuple(map(line, self._prefixes, self._numbers(series, now)))
            self._seen = series.version
        return self._chunks


class RateLines(PlainLines):
    """Lines of a rate, which change with the time alone while there are events in the window."""

    _quiet = False

    def render(self, now: float) -> tuple[bytes, ...]:
        """Return the chunks of the families."""
        series = self._series
        recent = series.recent
        recent.advance(now)
        if recent.count or not self._quiet or series.version != self._seen:
            self._chunks = tuple(map(line, self._prefixes, self._numbers(series, now)))
            self._seen, self._quiet = series.version, not recent.count
        return self._chunks


def _rate(series: RateSeries, now: float) -> tuple[float | None, ...]:
    per_second = series.recent.per_second(now)
    return series.totals.count, per_second, series.block_per_second(), series.last_per_second()


def _value(series: Any, now: float) -> tuple[float | None]:
    return (series.value(),)


def _function(series: FunctionSeries, now: float) -> tuple[float | None, ...]:
    times = [getattr(series.totals, time) for time in TIMES]
    return series.totals.calls, *(time and time / 1e9 for time in times)


def _tau_run(series: TauRunSeries, now: float) -> tuple[float, float]:
    return series.totals.dropped, series.totals.torn


def _plain(
    numbers: Numbers, *families: Family, label: str = "name", lines: type[PlainLines] = PlainLines
) -> Renderer:
    return partial(lines, families=families, numbers=numbers, label=label), families


_TIMER = (f.TIMER_SECONDS, f.TIMER_LAST, f.TIMER_RECENT, f.TIMER_RECENT_MEAN, f.TIMER_FAILURES)
_RATE = (f.RATE_EVENTS, f.RATE_PER_SECOND, f.RATE_BLOCK, f.RATE_LAST)
_TAU = (f.TAU_CALLS, f.TAU_EXCLUSIVE, f.TAU_INCLUSIVE, f.TAU_EXCLUSIVE_CPU, f.TAU_INCLUSIVE_CPU)

#: What renders each kind of series, and the families that its chunks belong to.
RENDERERS: dict[str, Renderer] = {
    protocol.TIMER: (TimerLines, _TIMER),
    protocol.RATE: _plain(_rate, *_RATE, lines=RateLines),
    protocol.GAUGE: _plain(_value, f.VALUE),
    protocol.COUNTER: _plain(_value, f.COUNT),
    protocol.MESSAGES: _plain(_value, f.MESSAGES),
    protocol.UPLOADS: _plain(_value, f.UPLOADS, label=""),
    protocol.PROBLEM: _plain(_value, f.PROBLEMS, label="reason"),
    protocol.FUNCTION: _plain(_function, *_TAU, label="function"),
    protocol.TAU: _plain(_tau_run, f.TAU_DROPPED, f.TAU_TORN, label=""),
}


def make(series: Series, identity: Pairs) -> Lines:
    """Return the lines of a series."""
    return RENDERERS[series.totals.kind][0](series, identity)


class StampLine:
    """The line that says when a name was last updated."""

    def __init__(self, stamp: Stamp, identity: Pairs) -> None:
        self._stamp = stamp
        self._prefix = prefix(f.UPDATED.name, _pairs(identity, stamp.name, stamp.labels))
        self._at, self._steps = NEVER, 0
        self._line = b""

    def render(self, clock: Clock) -> bytes:
        """Return the line; nothing as long as no cell has set the stamp."""
        at, steps = self._stamp.at, clock.steps
        if (at != self._at or steps != self._steps) and at != NEVER:
            self._line = b"%b%b\n" % (self._prefix, timestamp(clock.unix_ms(at)))
            self._at, self._steps = at, steps
        return self._line


def quantile_texts(buckets: Buckets) -> list[bytes]:
    """Return the quantiles of a histogram as text, in one pass.

    The same rank as ``histogram.quantile``, which would sort and sum once per quantile.
    """
    total = buckets.total()
    ranks = [q * total for q in QUANTILES]
    texts: list[bytes] = []
    seen = 0
    for index, n in buckets.items():
        seen += n
        while seen >= ranks[len(texts)]:
            texts.append(_MIDDLES[index - MIN_INDEX])
            if len(texts) == len(ranks):
                return texts
    return texts


def _pairs(identity: Pairs, name: str, labels: Pairs) -> list[tuple[str, str]]:
    return [*identity, ("name", name), *labels]
