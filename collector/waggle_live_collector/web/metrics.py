"""What became of HTTP connections and requests, as ``waggle_collector_http_*``."""

from prometheus_client import CollectorRegistry, Counter, Gauge

#: Of connections; all stand at 0 from the start.
OUTCOMES = ("accepted", "crowded", "idle", "large", "slow", "tls", "unread", "web_config")
REASONS = ("busy", "late", "listeners", "unauthorized", "web_config")


class HttpMetrics:
    """Counters of the HTTP side."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._connections = Counter(
            "waggle_collector_http_connections",
            "HTTP connections by what became of them: accepted, or why we closed them.",
            ["outcome"],
            registry=registry,
        )
        self._refusals = Counter(
            "waggle_collector_http_refusals",
            "HTTP requests that were not answered with what they asked for, by reason.",
            ["reason"],
            registry=registry,
        )
        self.listeners = Gauge(
            "waggle_collector_http_listeners",
            "Connections that are sent the live stream.",
            registry=registry,
        )
        for outcome in OUTCOMES:
            self._connections.labels(outcome)
        for reason in REASONS:
            self._refusals.labels(reason)

    def connection(self, outcome: str) -> None:
        """Count one of :data:`OUTCOMES`."""
        self._connections.labels(outcome).inc()

    def refused(self, reason: str) -> None:
        """Count one of :data:`REASONS`."""
        self._refusals.labels(reason).inc()
