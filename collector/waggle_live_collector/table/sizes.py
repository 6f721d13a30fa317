"""The collector's own metrics about its table and its budget."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from ..budget import DEFAULT_MAX_NAMED, OTHER, What
from .processes import Processes
from .table import Table


class Sizes:
    """Reads the sizes of the table and the budget at each scrape. Belongs to the event loop."""

    def __init__(self, processes: Processes, table: Table) -> None:
        self._processes = processes
        self._table = table

    def collect(self) -> Iterator[Metric]:
        """Yield the families, as prometheus_client asks for them."""
        processes, table, tombstones = self._processes, self._table, self._processes.tombstones
        connected = processes.connected
        states = {
            "connected": connected,
            "disconnected": len(processes.by_id) - connected,
            "expired": len(tombstones.expired),
            "closed": len(tombstones.closed.rows),
        }
        text = "Processes: connected, disconnected (may return), expired, or closed by bye."
        sessions = GaugeMetricFamily("waggle_collector_sessions", text, labels=["state"])
        for state, count in states.items():
            sessions.add_metric([state], count)
        yield sessions
        text = "Merged series in the table."
        yield GaugeMetricFamily("waggle_collector_series", text, table.series)
        text = "Cells of processes that are connected or disconnected."
        yield GaugeMetricFamily("waggle_collector_held_cells", text, table.cells)
        text = "Pods whose labels are not known yet."
        unresolved = len(table.pending())
        yield GaugeMetricFamily("waggle_collector_identity_unresolved", text, unresolved)
        yield from self._budget()

    def _budget(self) -> Iterator[Metric]:
        budget = self._table.budget
        text = "What strangers may make the collector hold, see --limit.memory."
        yield GaugeMetricFamily("waggle_collector_budget_limit_bytes", text, budget.limit)
        principals = sorted(budget.principals(), key=lambda each: each.total, reverse=True)
        held = {str(each.name): each.held for each in principals[:DEFAULT_MAX_NAMED]}
        others = [each.held for each in principals[DEFAULT_MAX_NAMED:]]
        held[OTHER] = [sum(each[what] for each in others) for what in What]
        labels = ["principal", "what"]
        text = "What principals make the collector hold: those with the most, and all others."
        sizes = GaugeMetricFamily("waggle_collector_budget_bytes", text, labels=labels)
        for name, by_kind in held.items():
            for what in What:
                sizes.add_metric([name, what.name.lower()], by_kind[what])
        yield sizes
        text = "How often a principal had to give up what it held, or was refused it."
        losses = CounterMetricFamily("waggle_collector_budget_losses", text, labels=labels)
        for name in {**held, **budget.losses}:  # shown at 0 too, so that the first loss is seen
            counts = budget.losses.get(name, Counter())
            for what in What:
                losses.add_metric([name, what.name.lower()], counts.get(what, 0))
        yield losses
