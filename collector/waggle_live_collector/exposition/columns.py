"""The columns of ``/metrics``: each is a family, and how to get its numbers for many rows at once.

A row is a series, a plugin or a knob. A number is None if the row has none now. Encodings write the
numbers.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from waggle_live.wire import protocol
from waggle_live.wire.histogram import BUCKETS_PER_DOUBLING, MAX_INDEX, MIN_INDEX

from ..control.setting import CHANGES
from ..table import exits
from ..table.buckets import BOUNDS, Buckets
from ..table.kinds.function import TIMES
from ..table.recent import Recent
from ..table.series import NEVER, Key
from . import families as f
from .families import Family

QUANTILES = (0.5, 0.95, 0.99)
#: Lines of a histogram: its buckets, that of ``+Inf``, count and sum.
HISTOGRAM_LINES = len(BOUNDS) + 3

#: The middle of each fine bucket in seconds. Each quantile is one of these.
_MIDDLES = [
    2.0 ** ((index - 0.5) / BUCKETS_PER_DOUBLING) for index in range(MIN_INDEX, MAX_INDEX + 1)
]
TAU_RUN = Key(protocol.TAU, "", ())


class Moment(NamedTuple):
    """The time of a scrape: monotonic seconds, and how far Unix time is ahead of them."""

    now: float
    offset: float

    def unix(self, at: float) -> float:
        """Return the Unix time, to the millisecond, of the monotonic ``at``."""
        return round((at + self.offset) * 1000) / 1000


class Column(NamedTuple):
    """A family, and a function that returns its number for each of some rows.

    For a histogram the function returns the totals. With ``label`` a row has one sample for each of
    the label's ``values``, and the function returns a tuple for each row.
    """

    family: Family
    numbers: Callable[[Sequence[Any], Moment], Sequence[Any]]
    label: str = ""
    values: tuple[str, ...] = ()

    @property
    def lines(self) -> int:
        """The number of lines of text for one row."""
        return HISTOGRAM_LINES if self.family.type == "histogram" else len(self.values) or 1


class Kind(NamedTuple):
    """What is shown of a kind of series. ``label``: which label has the name; "" for none."""

    label: str
    columns: tuple[Column, ...]


def _recent(series: Any, moment: Moment) -> Recent:
    recent: Recent = series.recent
    recent.advance(moment.now)
    return recent


def mean(recent: Recent) -> float | None:
    """Return the mean duration of a window in seconds; None if it is empty."""
    return recent.sum / recent.count / 1e9 if recent.count else None


def quantiles(buckets: Buckets) -> tuple[float, ...] | None:
    """Return the :data:`QUANTILES` of a histogram in seconds; None if it is empty.

    The ranks are those of ``histogram.quantile``, which would sum the counts for each quantile.
    """
    sums = list(accumulate(buckets.counts))
    if not sums or not sums[-1]:
        return None
    first, total = buckets.first - MIN_INDEX, sums[-1]
    return tuple([_MIDDLES[first + bisect_left(sums, q * total)] for q in QUANTILES])


def _sum(family: Family, field: str, unit: float = 1.0) -> Column:
    """Return the column of a field of the totals, divided by ``unit``."""

    def numbers(series: Sequence[Any], _: Moment) -> list[float | None]:
        told = [getattr(one.totals, field) for one in series]
        return [None if each is None else each / unit for each in told]

    return Column(family, numbers)


def _seconds(family: Family, field: str) -> Column:
    """Return the column, in seconds, of a field in nanoseconds."""
    return _sum(family, field, 1e9)


def _value(family: Family) -> Column:
    return Column(family, lambda rows, _: [one.value() for one in rows])


def _ones(rows: Sequence[Any], _: Moment) -> list[float]:
    return [1.0] * len(rows)


_TIMER = (
    Column(f.TIMER_SECONDS, lambda rows, _: [one.totals for one in rows]),
    _seconds(f.TIMER_LAST, "last"),
    Column(
        f.TIMER_RECENT,
        lambda rows, moment: [quantiles(_recent(one, moment).buckets) for one in rows],
        label="q",
        values=tuple(map(str, QUANTILES)),
    ),
    Column(f.TIMER_RECENT_MEAN, lambda rows, moment: [mean(_recent(one, moment)) for one in rows]),
    _sum(f.TIMER_FAILURES, "failures"),
)
_RATE = (
    _sum(f.RATE_EVENTS, "count"),
    Column(
        f.RATE_PER_SECOND,
        lambda rows, moment: [_recent(one, moment).per_second(moment.now) for one in rows],
    ),
    Column(
        f.RATE_BLOCK,
        lambda rows, moment: [one.block_per_second(_recent(one, moment)) for one in rows],
    ),
    Column(f.RATE_LAST, lambda rows, _: [one.last_per_second() for one in rows]),
)
_FUNCTION_TIMES = (f.FUNCTION_EXCLUSIVE, f.FUNCTION_INCLUSIVE, f.FUNCTION_EXCLUSIVE_CPU)

#: What is shown of each kind of series.
KINDS: dict[str, Kind] = {
    protocol.TIMER: Kind("name", _TIMER),
    protocol.RATE: Kind("name", _RATE),
    protocol.GAUGE: Kind("name", (_value(f.VALUE),)),
    protocol.COUNTER: Kind("name", (_value(f.COUNT),)),
    protocol.MESSAGES: Kind("name", (_sum(f.MESSAGES, "value"),)),
    protocol.UPLOADS: Kind("", (_sum(f.UPLOADS, "value"),)),
    protocol.PROBLEM: Kind("reason", (_sum(f.PROBLEMS, "value"),)),
    protocol.FUNCTION: Kind(
        "function", (_sum(f.FUNCTION_CALLS, "calls"), *map(_seconds, _FUNCTION_TIMES, TIMES))
    ),
    protocol.TAU: Kind("", (_sum(f.TAU_DROPPED, "dropped"), _sum(f.TAU_TORN, "torn"))),
}


def _last_dump(plugin: Any, moment: Moment) -> float | None:
    run = plugin.series.get(TAU_RUN)
    at = None if run is None else run.totals.dumped_at
    return None if at is None else moment.unix(at)


def _updated(stamps: Sequence[Any], moment: Moment) -> list[float | None]:
    offset = moment.offset  # as `Moment.unix` does, in half the time
    return [
        None if stamp.at == NEVER else round((stamp.at + offset) * 1000) / 1000 for stamp in stamps
    ]


def _memory(plugins: Sequence[Any], _: Moment) -> list[float | None]:
    told = [plugin.memory_bytes() for plugin in plugins]
    return [None if each is None else float(each) for each in told]


#: When a name was last updated. The rows are stamps.
UPDATED = Column(f.UPDATED, _updated)

#: How processes ended. The rows are plugins, and the exits of plugins that have left.
EXITS = Column(
    f.EXITS,
    lambda rows, _: [
        tuple([float(one.exits[status]) for status in exits.STATUSES]) for one in rows
    ],
    label="status",
    values=exits.STATUSES,
)

#: Numbers of a plugin. The rows are plugins.
PLUGIN: tuple[Column, ...] = (
    Column(f.UP, lambda rows, _: [float(one.up) for one in rows]),
    Column(f.SESSIONS, lambda rows, _: [float(sum(1 for _ in one.connected())) for one in rows]),
    Column(f.START, lambda rows, _: [round(one.started, 3) for one in rows]),
    Column(f.LAST_SEEN, lambda rows, moment: [moment.unix(one.last_seen) for one in rows]),
    Column(f.SILENT, lambda rows, moment: [one.silent_seconds(moment.now) for one in rows]),
    Column(f.CPU, lambda rows, _: [one.cpu_seconds() for one in rows]),
    Column(f.MEMORY, _memory),
    Column(f.TAU_LAST_DUMP, lambda rows, moment: [_last_dump(one, moment) for one in rows]),
    EXITS,
)


def _number(value: Any) -> float | None:
    return None if isinstance(value, str) else float(value)


#: Numbers of a knob. The rows are the knobs that processes have.
KNOB = (
    Column(f.KNOB_VALUE, lambda rows, _: [_number(one.newest.value) for one in rows]),
    Column(
        f.KNOB_DEFAULT, lambda rows, _: [_number(one.newest.declaration.default) for one in rows]
    ),
    Column(f.KNOB_LEASED, lambda rows, _: [float(one.in_force is not None) for one in rows]),
)
#: Counts of a knob, which stay while no process has it. The rows are settings, or None.
KNOB_COUNTS = (
    Column(
        f.KNOB_CHANGES,
        lambda rows, _: [
            tuple([float(one.changes.get(source, 0)) if one else 0.0 for source in CHANGES])
            for one in rows
        ],
        label="source",
        values=CHANGES,
    ),
    Column(f.PACE_SLEPT, lambda rows, _: [one.slept_seconds() if one else None for one in rows]),
)

#: Families whose value is always 1: only their labels matter.
INFO, NODE_INFO = Column(f.INFO, _ones), Column(f.NODE_INFO, _ones)
KNOB_INFO = Column(f.KNOB_INFO, _ones)
