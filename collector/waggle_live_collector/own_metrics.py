"""The collector about itself: ``waggle_collector_*``, in a registry of its own."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Info,
    ProcessCollector,
    Summary,
    disable_created_metrics,
)

from .version import VERSION

#: Plugins that refusals are counted for by name; further ones count as "other".
DEFAULT_MAX_REFUSED_PLUGINS = 100


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
