"""The rows of the view: what each plugin measures, publishes and uses, filtered and sorted."""

from typing import (
    Any,
    Callable,
    Dict,
    Hashable,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

from .. import Function, KnobReading, PluginReading, Snapshot
from .figures import megabytes, number, percent, seconds, tenths
from .history import WINDOW, History, Values, key_of, three_digits
from .knobs import arranged as arranged_knobs
from .view_options import ViewOptions

_OF_TIMERS = ("busy", "frame", "failures")
#: The kinds of rows in order, and the figures that each doesn't have.
KINDS = {
    "rate": ("mean", "p95", *_OF_TIMERS),
    "timer": (),
    "gauge": ("count", "rate", "mean", "p95", *_OF_TIMERS),
    "counter": ("mean", "p95", "last", *_OF_TIMERS),
    "message": ("mean", "p95", "last", *_OF_TIMERS),
    "upload": ("mean", "p95", "last", *_OF_TIMERS),
    "process": ("count", "rate", "mean", "p95", *_OF_TIMERS),
}
#: The most functions that are shown of a plugin for each profiler.
MOST = 5


class Row(NamedTuple):
    """One row. Figures are numbers, for sorting. ``last`` is a text with its unit."""

    #: The key of its history.
    key: Hashable
    kind: str
    name: str
    age: Optional[float]
    count: Optional[float] = None  # type: ignore[assignment]  # it hides tuple.count
    rate: Optional[float] = None
    mean: Optional[float] = None
    p95: Optional[float] = None
    last: str = ""
    #: Of a timer: its seconds per second, and its share of the time for a frame.
    busy: Optional[float] = None
    frame: Optional[float] = None
    failures: Optional[int] = None
    trend: Values = ()
    #: Writes a value of the trend.
    write: Callable[[Optional[float]], str] = tenths


class Block(NamedTuple):
    """A plugin with its rows, and its most expensive functions by profiler."""

    key: str
    plugin: PluginReading
    rows: List[Row]
    functions: Dict[str, List[Function]]
    #: Set when it is drawn, since knobs are polled separately.
    knobs: Sequence[KnobReading] = ()


def blocks_of(snapshot: Snapshot, history: History) -> List[Block]:
    """Return the plugins of a snapshot, unsorted, and add the snapshot to ``history``.

    Call it once for each snapshot.
    """
    return [
        Block(key, plugin, list(_rows(snapshot, plugin, history)), plugin.most_expensive())
        for key, plugin in snapshot.plugins.items()
    ]


def main_rate(plugin: PluginReading) -> Tuple[str, Optional[float]]:
    """Return the name and value of the fastest rate, taken as the plugin's frame rate."""
    rates = {name: rate.per_second for name, rate in plugin.rates.items() if rate.per_second}
    if not rates:
        return "", None
    name = max(rates, key=lambda name: rates[name] or 0.0)
    return name, rates[name]


def _rows(snapshot: Snapshot, plugin: PluginReading, history: History) -> Iterator[Row]:
    def row(
        kind: str, name: str, of: Any, age: Optional[float], value: Optional[float], **figures: Any
    ) -> Row:
        """Return a row, and add ``value`` to its curve. ``of``: the rest of its key."""
        key = key_of(snapshot.url, plugin.identity, *of)
        # As the node's history writes it: else a curve has a step where the two meet.
        value = value if of[0] in ("gauge", "memory") else three_digits(value)
        trend = history.add(key, snapshot.received, value)
        return Row(key, kind, name, age, trend=trend, **figures)

    def per_second(of: Any, total: Optional[float]) -> Optional[float]:
        key = key_of(snapshot.url, plugin.identity, *of)
        return history.per_second(key, snapshot.received, total if plugin.heard else None)

    of: Tuple[Any, ...]
    for name, rate in plugin.rates.items():
        of = ("rate", rate.name, rate.labels)
        speed = rate.per_second if rate.block_per_second is None else rate.block_per_second
        last = tenths(rate.last, "/s")
        yield row("rate", name, of, rate.age, speed, count=rate.total, rate=speed, last=last)
    frames = main_rate(plugin)[1]
    for name, timer in plugin.timers.items():
        of = ("timer", timer.name, timer.labels)
        speed = per_second(of, timer.count)
        figures: Dict[str, Any] = {
            "count": timer.count,
            "mean": timer.mean,
            "p95": timer.p95,
            "rate": speed,
        }
        # No thread takes more than the window of a block that ends in it, however long that was.
        within = None if timer.mean is None else min(timer.mean, WINDOW)
        figures.update(busy=_product(speed, within), frame=_product(frames, timer.mean))
        figures.update(failures=timer.failures, write=seconds, last=seconds(timer.last))
        yield row("timer", name, of, timer.age, timer.mean, **figures)
    for name, gauge in plugin.gauges.items():
        of = ("gauge", gauge.name, gauge.labels)
        value, last = gauge.value if plugin.heard else None, number(gauge.value)
        yield row("gauge", name, of, gauge.age, value, last=last, write=number)
    for name, counter in plugin.counters.items():
        of = ("counter", counter.name, counter.labels)
        speed = per_second(of, counter.total)
        yield row("counter", name, of, counter.age, speed, count=counter.total, rate=speed)
    for name, total in plugin.messages.items():
        # A timer often has the same name, since pywaggle's timeit publishes under it.
        of, shown = ("message", name), name + " published"
        speed, age = plugin.messages_per_second.get(name), plugin.messages_age.get(name)
        yield row("message", shown, of, age, speed, count=total, rate=speed)
    if plugin.uploads is not None:
        speed, uploads = plugin.uploads_per_second, plugin.uploads
        age = plugin.uploads_age
        yield row("upload", "uploads", ("upload",), age, speed, rate=speed, count=uploads)
    cpu = plugin.cpu_per_second
    last = percent(cpu)
    yield row("process", "CPU", ("cpu",), plugin.silent, cpu, last=last, write=percent)
    memory, scope = plugin.memory_bytes, plugin.memory_scope
    name, last = "memory (%s)" % scope if scope else "memory", megabytes(memory)
    yield row("process", name, ("memory",), plugin.silent, memory, last=last, write=megabytes)


def _product(one: Optional[float], other: Optional[float]) -> Optional[float]:
    return None if one is None or other is None else one * other


def arranged(blocks: Iterable[Block], options: ViewOptions) -> List[Block]:
    """Return the blocks and rows that pass the filter, sorted.

    Sorted by a figure, rows stay within their plugin, and plugins are sorted by their first row.
    Functions are the most expensive ones that pass the filter.
    """
    part, order, kinds = options.filter.lower(), options.order, list(KINDS)
    shown = []
    for block in blocks:
        rows, functions, knobs = block.rows, block.functions, arranged_knobs(block.knobs, "")
        if part not in block.key.lower():
            rows = [row for row in rows if part in row.name.lower()]
            functions = {
                profiler: [each for each in some if part in each.name.lower()]
                for profiler, some in functions.items()
            }
            knobs = arranged_knobs(knobs, part)
            if not rows and not knobs and not any(functions.values()):
                continue
        rows = sorted(rows, key=lambda row: (_rank(row, order), kinds.index(row.kind), row.name))
        functions = {profiler: some[:MOST] for profiler, some in functions.items() if some}
        shown.append(block._replace(rows=rows, functions=functions, knobs=knobs))
    last = (order != "name", 0.0)
    return sorted(
        shown,
        key=lambda block: (_rank(block.rows[0], order) if block.rows else last, block.key),
    )


def _rank(row: Row, order: str) -> Tuple[bool, float]:
    """Return a sort key: the largest number first, unknown ones last; by name all are equal."""
    value = 0.0 if order == "name" else getattr(row, order)
    return value is None, -(value or 0.0)
