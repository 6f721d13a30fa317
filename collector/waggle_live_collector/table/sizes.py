"""How much the table holds, for the collector's own metrics."""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from .processes import Processes
from .table import Table


class Sizes:
    """Numbers that stand in the table and the processes anyway; read at each scrape."""

    def __init__(self, processes: Processes, table: Table) -> None:
        self._processes = processes
        self._table = table

    def collect(self) -> Iterator[Metric]:
        """Yield the families, as prometheus_client asks for them."""
        processes, table, tombstones = self._processes, self._table, self._processes.tombstones
        connected = processes.connected
        states = {
            "connected": connected,
            "held": len(processes.by_id) - connected,
            "lost": len(tombstones.expired),
            "ended": len(tombstones.closed),
        }
        evictions = {
            "plugin": table.evicted,
            "held_session": processes.folded_early,
            "lost_session": tombstones.forgotten,
        }
        text = "Processes: connected, held for their return, lost (folded), or ended by bye."
        sessions = GaugeMetricFamily("waggle_collector_sessions", text, labels=["state"])
        for state, count in states.items():
            sessions.add_metric([state], count)
        yield sessions
        text = "Merged series in the table."
        yield GaugeMetricFamily("waggle_collector_series", text, table.series)
        text = "Cells of processes that are connected or held."
        yield GaugeMetricFamily("waggle_collector_held_cells", text, table.cells)
        text = "Pods whose labels are not known yet."
        unresolved = len(table.pending())
        yield GaugeMetricFamily("waggle_collector_identity_unresolved", text, unresolved)
        text = "What had to go before its time, for lack of room."
        evicted = CounterMetricFamily("waggle_collector_evictions", text, labels=["what"])
        for what, count in evictions.items():
            evicted.add_metric([what], count)
        yield evicted
