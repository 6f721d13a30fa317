"""The collector about itself: ``waggle_collector_*``, in a registry of its own."""

from collections.abc import Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Info,
    ProcessCollector,
    Summary,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from .table.processes import Processes
from .table.table import Table
from .version import VERSION

#: Plugins that refusals are counted for by name; further ones count as "other".
DEFAULT_MAX_REFUSED_PLUGINS = 100


class _Sizes:
    """Numbers that stand in the table and the processes anyway; an object with ``collect()``."""

    def __init__(self, processes: Processes, table: Table) -> None:
        self._processes = processes
        self._table = table

    def collect(self) -> Iterator[Metric]:
        """Yield them as they are now."""
        processes, table = self._processes, self._table
        states = GaugeMetricFamily(
            "waggle_collector_sessions",
            "Processes: connected, held for their return, lost (folded), or ended by bye.",
            labels=["state"],
        )
        states.add_metric(["connected"], processes.connected)
        states.add_metric(["held"], len(processes.by_id) - processes.connected)
        states.add_metric(["lost"], len(processes.lost))
        states.add_metric(["ended"], len(processes.ended))
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
        evicted.add_metric(["lost_session"], processes.forgotten)
        yield evicted


class OwnMetrics:
    """Counters of what the collector did, and above all of what it did not take."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        self._refusals = Counter(
            "waggle_collector_refusals",
            "What was not taken, by error code of the protocol and plugin.",
            ["reason", "plugin"],
            registry=registry,
        )
        self._refused: set[str] = {""}
        self.stale_updates = Counter(
            "waggle_collector_stale_updates",
            "Updates that were ignored because a newer one was applied before.",
            registry=registry,
        )
        self.cells = Counter(
            "waggle_collector_cells", "Cells of the updates applied.", registry=registry
        )
        self._update_seconds = Summary(
            "waggle_collector_update_seconds",
            "Time to fold an update into the table.",
            registry=registry,
        )
        self.scrape_seconds = Summary(
            "waggle_collector_scrape_seconds",
            "Time to render an answer to a scrape, gzip not included.",
            registry=registry,
        )
        self.connections = Counter(
            "waggle_collector_connections",
            "Connections by what became of them.",
            ["outcome"],
            registry=registry,
        )
        self.accept_delays = Counter(
            "waggle_collector_accept_delays",
            "How often connections had to wait for the rate limit or for descriptors.",
            registry=registry,
        )
        self.read_pauses = Counter(
            "waggle_collector_read_pauses",
            "How often a peer was not read for a while, since its bytes took long.",
            registry=registry,
        )
        self.state_writes = Summary(
            "waggle_collector_state_write_seconds",
            "Time to write the state file.",
            registry=registry,
        )
        self.state_failures = Counter(
            "waggle_collector_state_write_failures",
            "Writes of the state file that failed.",
            registry=registry,
        )
        self.lookups = Counter(
            "waggle_collector_identity_lookups",
            "Lookups of pods in the app-meta cache, by what came of them.",
            ["result"],
            registry=registry,
        )
        self.identity_checks = Counter(
            "waggle_collector_identity_checks",
            "Claims of plugins about their pod, by what they were worth.",
            ["result"],
            registry=registry,
        )
        info = Info("waggle_collector_build", "The running version.", registry=registry)
        info.info({"version": VERSION})
        ProcessCollector(registry=registry)

    def watch(self, processes: Processes, table: Table) -> None:
        """Show sizes of the table and the processes, read at each scrape."""
        self.registry.register(_Sizes(processes, table))

    def refused(self, reason: str, plugin: str) -> None:
        """Count one refusal; plugins beyond the bound share one label."""
        if plugin not in self._refused:
            if len(self._refused) > DEFAULT_MAX_REFUSED_PLUGINS:
                plugin = "other"
            else:
                self._refused.add(plugin)
        self._refusals.labels(reason, plugin).inc()

    def updated(self, cells: int, seconds: float) -> None:
        """Count one applied update."""
        self.cells.inc(cells)
        self._update_seconds.observe(seconds)
