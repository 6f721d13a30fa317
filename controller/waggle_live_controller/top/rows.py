"""The rows of the view: one for each series of a snapshot, filtered and sorted."""

from typing import Any, Hashable, Iterable, List, NamedTuple, Optional, Tuple

from .. import CounterReading, GaugeReading, PluginReading, RateReading, Snapshot, TimerReading
from .costs import MOST, Costs, costs_of
from .figures import number, seconds, tenths
from .history import History, Values
from .view_options import ViewOptions

#: In the order of their rows.
KINDS = ("rate", "timer", "gauge", "counter")


class Row(NamedTuple):
    """One series. Numbers are kept for sorting; ``last`` is in the unit of its kind."""

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
    """One plugin with its rows, and with its functions if it runs under TAU."""

    key: str
    plugin: PluginReading
    rows: List[Row]
    costs: Costs


def blocks_of(snapshot: Snapshot, history: History) -> List[Block]:
    """Return the plugins of a snapshot, not sorted yet, and add the snapshot to ``history``; to be
    called once for each snapshot."""
    blocks = []
    for key, plugin in snapshot.plugins.items():
        rows = _Rows(snapshot, plugin, history)
        found = [
            *(rows.rate(name, each) for name, each in plugin.rates.items()),
            *(rows.timer(name, each) for name, each in plugin.timers.items()),
            *(rows.gauge(name, each) for name, each in plugin.gauges.items()),
            *(rows.counter(name, each) for name, each in plugin.counters.items()),
        ]
        blocks.append(Block(key, plugin, found, costs_of(plugin)))
    return blocks


class _Rows:
    """Makes the rows of one plugin."""

    def __init__(self, snapshot: Snapshot, plugin: PluginReading, history: History) -> None:
        self._where = (snapshot.url, plugin.identity)
        self._heard = plugin.heard
        self._at = snapshot.received
        self._history = history

    def rate(self, name: str, it: RateReading) -> Row:
        rate = it.per_second if it.block_per_second is None else it.block_per_second
        last = tenths(it.last, "/s")
        return self._row("rate", name, it.age, rate, count=it.total, rate=rate, last=last)

    def timer(self, name: str, it: TimerReading) -> Row:
        figures = {"count": it.count, "mean": it.mean, "p95": it.p95, "last": seconds(it.last)}
        rate = self._per_second("timer", name, it.count)
        return self._row("timer", name, it.age, it.mean, rate=rate, **figures)

    def gauge(self, name: str, it: GaugeReading) -> Row:
        value = it.value if self._heard else None
        return self._row("gauge", name, it.age, value, last=number(it.value))

    def counter(self, name: str, it: CounterReading) -> Row:
        rate = self._per_second("counter", name, it.total)
        return self._row("counter", name, it.age, rate, count=it.total, rate=rate)

    def _per_second(self, kind: str, name: str, total: Optional[float]) -> Optional[float]:
        key = (self._where, kind, name)
        return self._history.per_second(key, self._at, total if self._heard else None)

    def _row(
        self, kind: str, name: str, age: Optional[float], value: Optional[float], **figures: Any
    ) -> Row:
        """Return a row whose curve goes on with ``value``."""
        key = (self._where, kind, name)
        return Row(key, kind, name, age, trend=self._history.add(key, value), **figures)


def arranged(blocks: Iterable[Block], options: ViewOptions) -> List[Block]:
    """Return the blocks and rows that pass the filter, sorted.

    By a number, rows are sorted within their plugin, and plugins by their first row. Functions are
    always the most expensive of those that pass.
    """
    part, order = options.filter.lower(), options.order
    shown = []
    for block in blocks:
        rows, functions = block.rows, block.costs.functions
        if part not in block.key.lower():
            rows = [row for row in rows if part in row.name.lower()]
            functions = [each for each in functions if part in each.name.lower()]
            if not rows and not functions:
                continue
        rows = sorted(rows, key=lambda row: (_rank(row, order), KINDS.index(row.kind), row.name))
        costs = block.costs._replace(functions=functions[:MOST])
        shown.append(block._replace(rows=rows, costs=costs))
    last = (order != "name", 0.0)
    return sorted(
        shown,
        key=lambda block: (_rank(block.rows[0], order) if block.rows else last, block.key),
    )


def _rank(row: Row, order: str) -> Tuple[bool, float]:
    """Return what puts the largest number first and unknown ones last; by name all are equal."""
    value = 0.0 if order == "name" else getattr(row, order)
    return value is None, -(value or 0.0)
