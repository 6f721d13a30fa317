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
#: In the order of their rows, and the figures that each doesn't have.
KINDS = {
    "rate": ("mean", "p95", *_OF_TIMERS),
    "timer": (),
    "gauge": ("count", "rate", "mean", "p95", *_OF_TIMERS),
    "counter": ("mean", "p95", "last", *_OF_TIMERS),
    "message": ("mean", "p95", "last", *_OF_TIMERS),
    "upload": ("mean", "p95", "last", *_OF_TIMERS),
    "process": ("count", "rate", "mean", "p95", *_OF_TIMERS),
}
#: Functions that are shown of a plugin and profiler at most.
MOST = 5


class Row(NamedTuple):
    """One row. Numbers are kept for sorting; ``last`` is in the unit of its kind."""

    #: Where its history is found.
    key: Hashable
    kind: str
    name: str
    age: Optional[float]
    count: Optional[float] = None  # type: ignore[assignment]  # it hides tuple.count
    rate: Optional[float] = None
    mean: Optional[float] = None
    p95: Optional[float] = None
    last: str = ""
    #: Of a timer: its share of a core, and of the time that a frame has.
    busy: Optional[float] = None
    frame: Optional[float] = None
    failures: Optional[int] = None
    trend: Values = ()
    #: How a value of the trend is written.
    write: Callable[[Optional[float]], str] = tenths


class Block(NamedTuple):
    """One plugin with its rows, and its most expensive functions by what measured them."""

    key: str
    plugin: PluginReading
    rows: List[Row]
    functions: Dict[str, List[Function]]
    #: Filled in when it is drawn: knobs are asked for by themselves.
    knobs: Sequence[KnobReading] = ()


def blocks_of(snapshot: Snapshot, history: History) -> List[Block]:
    """Return the plugins of a snapshot, not sorted yet, and add the snapshot to ``history``; to be
    called once for each snapshot."""
    return [
        Block(key, plugin, list(_rows(snapshot, plugin, history)), plugin.most_expensive())
        for key, plugin in snapshot.plugins.items()
    ]


def main_rate(plugin: PluginReading) -> Tuple[str, Optional[float]]:
    """Return the rate of the most events a second, which counts the plugin's frames."""
    rates = {name: rate.per_second for name, rate in plugin.rates.items() if rate.per_second}
    if not rates:
        return "", None
    name = max(rates, key=lambda name: rates[name] or 0.0)
    return name, rates[name]


def _rows(snapshot: Snapshot, plugin: PluginReading, history: History) -> Iterator[Row]:
    def row(
        kind: str, name: str, of: Any, age: Optional[float], value: Optional[float], **figures: Any
    ) -> Row:
        """Return a row whose curve goes on with ``value``. ``of``: the reading, or what stands for
        it in the key."""
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
        # Often a timer has the same name: pywaggle's timeit publishes under it.
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

    By a number, rows are sorted within their plugin, and plugins by their first row. Functions are
    always the most expensive of those that pass.
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
    """Return what puts the largest number first and unknown ones last; by name all are equal."""
    value = 0.0 if order == "name" else getattr(row, order)
    return value is None, -(value or 0.0)
