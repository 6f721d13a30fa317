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
        processes, table = self._processes, self._table
        states = GaugeMetricFamily(
            "waggle_collector_sessions",
            "Processes: connected, held for their return, lost (folded), or ended by bye.",
            labels=["state"],
        )
        states.add_metric(["connected"], processes.connected)
        states.add_metric(["held"], len(processes.by_id) - processes.connected)
        states.add_metric(["lost"], len(processes.tombstones.expired))
        states.add_metric(["ended"], len(processes.tombstones.closed))
        yield states
        yield GaugeMetricFamily(
            "waggle_collector_series", "Merged series in the table.", table.series
        )
        yield GaugeMetricFamily(
            "waggle_collector_held_cells",
            "Cells of processes that are connected or held.",
            table.cells,
        )
        yield GaugeMetricFamily(
            "waggle_collector_identity_unresolved",
            "Pods whose labels are not known yet.",
            len(table.pending()),
        )
        evicted = CounterMetricFamily(
            "waggle_collector_evictions",
            "What had to go before its time, for lack of room.",
            labels=["what"],
        )
        evicted.add_metric(["plugin"], table.evicted)
        evicted.add_metric(["held_session"], processes.folded_early)
        evicted.add_metric(["lost_session"], processes.tombstones.forgotten)
        yield evicted
