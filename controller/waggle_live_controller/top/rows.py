"""The rows of the view: what each plugin measures, publishes and uses, filtered and sorted."""

from typing import (
    Any,
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
from .history import History, Values
from .knobs import arranged as arranged_knobs
from .view_options import ViewOptions

#: In the order of their rows, and the figures that each doesn't have.
KINDS = {
    "rate": ("mean", "p95"),
    "timer": (),
    "gauge": ("count", "rate", "mean", "p95"),
    "counter": ("mean", "p95", "last"),
    "message": ("mean", "p95", "last"),
    "upload": ("mean", "p95", "last"),
    "process": ("count", "rate", "mean", "p95"),
}
#: Functions that are shown of a plugin and profiler at most.
MOST = 5


class Row(NamedTuple):
    """One row. Numbers are kept for sorting; ``last`` is in the unit of its kind."""

    #: Where its history is found: the node, the plugin, the kind and the name.
    key: Hashable
    kind: str
    name: str
    age: Optional[float]
    count: Optional[float] = None  # type: ignore[assignment]  # it hides tuple.count
    rate: Optional[float] = None
    mean: Optional[float] = None
    p95: Optional[float] = None
    last: str = ""
    trend: Values = ()


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


def _rows(snapshot: Snapshot, plugin: PluginReading, history: History) -> Iterator[Row]:
    where = (snapshot.url, plugin.identity)

    def row(
        kind: str, name: str, age: Optional[float], value: Optional[float], **figures: Any
    ) -> Row:
        """Return a row whose curve goes on with ``value``."""
        key = (where, kind, name)
        return Row(key, kind, name, age, trend=history.add(key, value), **figures)

    def per_second(kind: str, name: str, total: Optional[float]) -> Optional[float]:
        key = (where, kind, name)
        return history.per_second(key, snapshot.received, total if plugin.heard else None)

    for name, rate in plugin.rates.items():
        speed = rate.per_second if rate.block_per_second is None else rate.block_per_second
        last = tenths(rate.last, "/s")
        yield row("rate", name, rate.age, speed, count=rate.total, rate=speed, last=last)
    for name, timer in plugin.timers.items():
        speed = per_second("timer", name, timer.count)
        figures = {"count": timer.count, "mean": timer.mean, "p95": timer.p95}
        last = seconds(timer.last)
        yield row("timer", name, timer.age, timer.mean, rate=speed, last=last, **figures)
    for name, gauge in plugin.gauges.items():
        value = gauge.value if plugin.heard else None
        yield row("gauge", name, gauge.age, value, last=number(gauge.value))
    for name, counter in plugin.counters.items():
        speed = per_second("counter", name, counter.total)
        yield row("counter", name, counter.age, speed, count=counter.total, rate=speed)
    for name, total in plugin.messages.items():
        # Often a timer has the same name: pywaggle's timeit publishes under it.
        shown, speed = name + " published", plugin.messages_per_second.get(name)
        yield row("message", shown, plugin.messages_age.get(name), speed, count=total, rate=speed)
    if plugin.uploads is not None:
        speed, figures = plugin.uploads_per_second, {"count": plugin.uploads}
        yield row("upload", "uploads", plugin.uploads_age, speed, rate=speed, **figures)
    cpu = plugin.cpu_per_second
    yield row("process", "CPU", plugin.silent, cpu, last=percent(cpu))
    memory, scope = plugin.memory_bytes, plugin.memory_scope
    name = "memory (%s)" % scope if scope else "memory"
    yield row("process", name, plugin.silent, memory, last=megabytes(memory))


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
