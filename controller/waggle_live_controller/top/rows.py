"""The rows of the view: what a snapshot says of each series, in order and as it was asked for."""

from typing import Hashable, Iterable, List, Mapping, NamedTuple, Optional, Tuple

from .. import CounterReading, GaugeReading, PluginReading, RateReading, Snapshot, TimerReading
from .costs import MOST, Costs, costs_of
from .figures import number, seconds, tenths
from .history import History, Values
from .view_options import ViewOptions


class Row(NamedTuple):
    """One series. Numbers are kept for sorting; ``last`` is in its kind's own unit."""

    name: str
    kind: str
    total: Optional[float]
    rate: Optional[float]
    mean: Optional[float]
    p95: Optional[float]
    last: str
    age: Optional[float]
    trend: Values


class Block(NamedTuple):
    """One plugin with its rows, and with its functions if it runs under TAU."""

    key: str
    plugin: PluginReading
    rows: List[Row]
    costs: Costs


def blocks_of(snapshot: Snapshot, history: History) -> Tuple[List[Block], List[Hashable]]:
    """Return the plugins of a snapshot, not sorted yet, and the keys of what went into
    ``history``; to be called once for each snapshot."""
    blocks, keys = [], []
    for key, plugin in snapshot.plugins.items():
        place = _Place((snapshot.url, plugin.identity), plugin, snapshot.received, history)
        rows = [
            *(place.rate(name, each) for name, each in plugin.rates.items()),
            *(place.timer(name, each) for name, each in plugin.timers.items()),
            *(place.gauge(name, each) for name, each in plugin.gauges.items()),
            *(place.counter(name, each) for name, each in plugin.counters.items()),
        ]
        keys += place.keys
        blocks.append(Block(key, plugin, rows, costs_of(plugin)))
    return blocks, keys


class _Place:
    """Where the history of one plugin's series stands."""

    def __init__(self, where: Hashable, plugin: PluginReading, at: float, history: History) -> None:
        self._where = where
        self._heard = plugin.heard
        self._at = at
        self._history = history
        self.keys: List[Hashable] = []

    def rate(self, name: str, it: RateReading) -> Row:
        last = tenths(it.last, "/s")
        trend = self._trend("rate", name, it.per_second)
        return Row(name, "rate", it.total, it.per_second, None, None, last, it.age, trend)

    def timer(self, name: str, it: TimerReading) -> Row:
        rate = self._per_second("timer", name, it.count)
        trend = self._trend("timer", name, it.mean)
        last = seconds(it.last)
        return Row(name, "timer", it.count, rate, it.mean, it.p95, last, it.age, trend)

    def gauge(self, name: str, it: GaugeReading) -> Row:
        trend = self._trend("gauge", name, it.value if self._heard else None)
        return Row(name, "gauge", None, None, None, None, number(it.value), it.age, trend)

    def counter(self, name: str, it: CounterReading) -> Row:
        rate = self._per_second("counter", name, it.total)
        trend = self._trend("counter", name, rate)
        return Row(name, "counter", it.total, rate, None, None, "", it.age, trend)

    def _trend(self, kind: str, name: str, value: Optional[float]) -> Values:
        self.keys.append((self._where, kind, name))
        return self._history.add(self.keys[-1], value)

    def _per_second(self, kind: str, name: str, total: Optional[float]) -> Optional[float]:
        known = total if self._heard else None
        return self._history.per_second((self._where, kind, name), self._at, known)


def arranged(blocks: Iterable[Block], options: ViewOptions) -> List[Block]:
    """Return what is wished for, in the order that is wished for.

    By a number, rows are sorted within their plugin, and plugins by their first row. Functions are
    always the most expensive of those that were asked for.
    """
    only = options.only.lower()
    shown = []
    for block in blocks:
        rows, functions = block.rows, block.costs.functions
        if only and only not in block.key.lower():
            rows = [row for row in rows if only in row.name.lower()]
            functions = [each for each in functions if only in each.name.lower()]
            if not rows and not functions:
                continue
        costs = block.costs._replace(functions=functions[:MOST])
        shown.append(block._replace(rows=_sorted(rows, options.order), costs=costs))
    if options.order == "name":
        return sorted(shown, key=lambda block: block.key)
    return sorted(
        shown, key=lambda block: _number(block.rows[0], options.order) if block.rows else _LAST
    )


_KINDS: Mapping[str, int] = {"rate": 0, "timer": 1, "gauge": 2, "counter": 3}
_LAST = (1, 0.0)


def _sorted(rows: List[Row], order: str) -> List[Row]:
    by_name = sorted(rows, key=lambda row: (_KINDS[row.kind], row.name))
    return by_name if order == "name" else sorted(by_name, key=lambda row: _number(row, order))


def _number(row: Row, order: str) -> Tuple[int, float]:
    value: Optional[float] = getattr(row, "total" if order == "count" else order)
    return _LAST if value is None else (0, -value)
