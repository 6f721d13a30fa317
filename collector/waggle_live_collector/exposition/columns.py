"""What ``/metrics`` shows of each kind of series, and of a plugin: a family and its numbers.

The numbers of many series are taken at a time: that is a column. Nothing here knows how they are
written. None stands for a series that has no such number now.
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
#: Its buckets, that of ``+Inf``, count and sum.
HISTOGRAM_LINES = len(BOUNDS) + 3

#: Middle of each bucket in seconds: a quantile is always one of these.
_MIDDLES = [
    2.0 ** ((index - 0.5) / BUCKETS_PER_DOUBLING) for index in range(MIN_INDEX, MAX_INDEX + 1)
]
TAU_RUN = Key(protocol.TAU, "", ())


class Moment(NamedTuple):
    """When a scrape is: the monotonic time, and what Unix time is ahead of it, in seconds."""

    now: float
    offset: float

    def unix(self, at: float) -> float:
        """Return the Unix time, to the millisecond, of the monotonic ``at``."""
        return round((at + self.offset) * 1000) / 1000


class Column(NamedTuple):
    """A family, and what returns its numbers: one for each row of a list, in its order.

    Of a histogram it returns the totals. With ``label`` a row has as many samples as there are
    ``values`` of that label, and ``numbers`` returns a tuple for each row.
    """

    family: Family
    numbers: Callable[[Sequence[Any], Moment], Sequence[Any]]
    label: str = ""
    values: tuple[str, ...] = ()

    @property
    def lines(self) -> int:
        """How many lines of text a row has."""
        return HISTOGRAM_LINES if self.family.type == "histogram" else len(self.values) or 1


class Kind(NamedTuple):
    """What is shown of a kind of series; ``label`` holds a series' name, if anything does."""

    label: str
    columns: tuple[Column, ...]


def _recent(series: Any, moment: Moment) -> Recent:
    recent: Recent = series.recent
    recent.advance(moment.now)
    return recent


def mean(recent: Recent) -> float | None:
    """Return the mean of the last durations in seconds."""
    return recent.sum / recent.count / 1e9 if recent.count else None


def quantiles(buckets: Buckets) -> tuple[float, ...] | None:
    """Return :data:`QUANTILES` of a histogram in seconds; None of an empty one.

    The same ranks as ``histogram.quantile``, which would sum once per quantile.
    """
    sums = list(accumulate(buckets.counts))
    if not sums or not sums[-1]:
        return None
    first, total = buckets.first - MIN_INDEX, sums[-1]
    return tuple([_MIDDLES[first + bisect_left(sums, q * total)] for q in QUANTILES])


def _sum(family: Family, field: str, unit: float = 1.0) -> Column:
    """Return the column of a whole number of parts of a ``unit``; None is one never told."""

    def numbers(series: Sequence[Any], _: Moment) -> list[float | None]:
        told = [getattr(one.totals, field) for one in series]
        return [None if each is None else each / unit for each in told]

    return Column(family, numbers)


def _seconds(family: Family, field: str) -> Column:
    """Return the column of a sum of nanoseconds."""
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
    offset = moment.offset  # what `unix` does, in half of the time
    return [
        None if stamp.at == NEVER else round((stamp.at + offset) * 1000) / 1000 for stamp in stamps
    ]


def _memory(plugins: Sequence[Any], _: Moment) -> list[float | None]:
    told = [plugin.memory_bytes() for plugin in plugins]
    return [None if each is None else float(each) for each in told]


#: When a name was last updated: the rows are stamps.
UPDATED = Column(f.UPDATED, _updated)

#: How processes ended: the rows are plugins, and what is left of those that are gone.
EXITS = Column(
    f.EXITS,
    lambda rows, _: [
        tuple([float(one.exits[status]) for status in exits.STATUSES]) for one in rows
    ],
    label="status",
    values=exits.STATUSES,
)

#: Of a plugin itself: the rows are plugins.
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


#: Of a knob: the rows are those that processes told.
KNOB = (
    Column(f.KNOB_VALUE, lambda rows, _: [_number(one.newest.value) for one in rows]),
    Column(
        f.KNOB_DEFAULT, lambda rows, _: [_number(one.newest.declaration.default) for one in rows]
    ),
    Column(f.KNOB_LEASED, lambda rows, _: [float(one.in_force is not None) for one in rows]),
)
#: What is counted of a knob, also while no process tells it: the rows are settings, or None.
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

#: What is only there to have labels.
INFO, NODE_INFO = Column(f.INFO, _ones), Column(f.NODE_INFO, _ones)
KNOB_INFO = Column(f.KNOB_INFO, _ones)
