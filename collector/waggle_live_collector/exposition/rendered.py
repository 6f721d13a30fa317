"""The lines of one merged series, rendered again only when something in them changed.

Everything of a line but its number is rendered once per series; the buckets of a histogram are
filled in by one ``%`` and two replacements. Each ``Lines`` gives one chunk of text per family.
"""

from itertools import accumulate
from typing import Protocol

from waggle_live.wire.histogram import BUCKETS_PER_DOUBLING, MAX_INDEX, MIN_INDEX

from ..clock import Clock
from ..identity.labels import IdentityLabels
from ..table.series import (
    BOUNDS,
    NEVER,
    CounterSeries,
    CountSeries,
    GaugeSeries,
    RateSeries,
    Series,
    Stamp,
    TimerSeries,
)
from ..table.tau_series import FunctionSeries, TauSeries
from . import families as f
from . import tau_lines
from .format import Pairs, around, number, prefix, template, timestamp

#: The families of each kind's chunks.
FAMILIES = {
    "timer": (
        f.TIMER_SECONDS,
        f.TIMER_LAST,
        f.TIMER_RECENT,
        f.TIMER_RECENT_MEAN,
        f.TIMER_FAILURES,
    ),
    "rate": (f.RATE_EVENTS, f.RATE_PER_SECOND, f.RATE_LAST),
    "gauge": (f.VALUE,),
    "counter": (f.COUNT,),
    "messages": (f.MESSAGES,),
    "uploads": (f.UPLOADS,),
    "problem": (f.PROBLEMS,),
    **tau_lines.FAMILIES,
}
#: The label that holds the cell's name, where there is one.
_COUNT_LABELS = {"messages": "name", "uploads": "", "problem": "reason"}
QUANTILES = (0.5, 0.95, 0.99)
#: From here on Go writes exponents; below, ``%d.0`` is right for a whole number.
_PLAIN = 1_000_000

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

    @property
    def kind(self) -> str:
        """A key of :data:`FAMILIES`."""

    def render(self, now: float) -> tuple[bytes, ...]:
        """Return one chunk per family, whole lines or nothing."""


class TimerLines:
    """Histogram, last, recent quantiles and mean, failures."""

    kind = "timer"

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
        self._chunks: tuple[bytes, ...] = (b"",) * 5

    def render(self, now: float) -> tuple[bytes, ...]:
        """Return the chunks of the five families."""
        series = self._series
        moved = series.recent.advance(now)
        if series.changed:
            totals = series.totals
            last = totals.last
            self._chunks = (
                self._distribution(),
                b"" if last is None else b"%b%b\n" % (self._last, number(last / 1e9)),
                *self._window(),
                b"%b%b\n" % (self._failures, number(totals.failures)),
            )
            series.changed = False
        elif moved:
            self._chunks = (*self._chunks[:2], *self._window(), self._chunks[4])
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
    """Events, per second over the window, per second by the last."""

    kind = "rate"

    def __init__(self, series: RateSeries, identity: Pairs) -> None:
        self._series = series
        pairs = _pairs(identity, series.totals.name, series.totals.labels)
        self._events = prefix(f.RATE_EVENTS.name, pairs)
        self._per_second = prefix(f.RATE_PER_SECOND.name, pairs)
        self._last = prefix(f.RATE_LAST.name, pairs)
        self._chunks: tuple[bytes, ...] = (b"", b"", b"")
        self._quiet = False

    def render(self, now: float) -> tuple[bytes, ...]:
        """Return the chunks of the three families."""
        series = self._series
        series.recent.advance(now)
        quiet = not series.recent.count
        # While there are events in the window the rate moves with the time itself.
        if series.changed or not (quiet and self._quiet):
            last = series.last_per_second()
            self._chunks = (
                b"%b%b\n" % (self._events, number(series.totals.count)),
                b"%b%b\n" % (self._per_second, number(series.per_second(now))),
                b"" if last is None else b"%b%b\n" % (self._last, number(last)),
            )
            series.changed = False
            self._quiet = quiet
        return self._chunks


class ValueLines:
    """The single line of a gauge or a counter."""

    def __init__(self, series: GaugeSeries | CounterSeries | CountSeries, identity: Pairs) -> None:
        self._series = series
        totals = series.totals
        if isinstance(series, CountSeries):
            self.kind = series.totals.kind
            label = _COUNT_LABELS[self.kind]
            pairs = [*identity, (label, totals.name)] if label else list(identity)
        else:
            self.kind = "gauge" if isinstance(series, GaugeSeries) else "counter"
            pairs = _pairs(identity, totals.name, totals.labels)
        self._prefix = prefix(FAMILIES[self.kind][0].name, pairs)
        self._chunks = (b"",)

    def render(self, now: float) -> tuple[bytes, ...]:
        """Return the one chunk."""
        series = self._series
        if series.changed:
            value = series.value()
            line = b"" if value is None else b"%b%b\n" % (self._prefix, number(value))
            self._chunks = (line,)
            series.changed = False
        return self._chunks


def make(series: Series, identity: IdentityLabels) -> Lines:
    """Return the lines of a series."""
    pairs = identity.pairs()
    if isinstance(series, TimerSeries):
        return TimerLines(series, pairs)
    if isinstance(series, RateSeries):
        return RateLines(series, pairs)
    if isinstance(series, FunctionSeries):
        return tau_lines.FunctionLines(series, pairs)
    if isinstance(series, TauSeries):
        return tau_lines.TauLines(series, pairs)
    return ValueLines(series, pairs)


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
