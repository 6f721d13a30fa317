"""The collector about itself: ``waggle_collector_*``, in a registry of its own."""

from collections import Counter

import prometheus_client as prometheus

from .version import VERSION

#: Principals that refusals are counted for by name: those with the most. The others are "other".
DEFAULT_MAX_REFUSED = 100
#: Of HTTP connections, and of requests; all stand at 0 from the start.
HTTP_OUTCOMES = (
    *("accepted", "crowded", "idle", "large", "paced"),
    *("slow", "tls", "unread", "web_config"),
)
#: Where errors of our own are counted.
FAULTS = (
    "control",
    "exposition",
    "history",
    "http",
    "identity",
    "intake",
    "loop",
    "sockets",
    "state",
    "table",
)
#: What became of requests that would change something.
CONTROL_OUTCOMES = (
    *("bad_request", "budget", "cleared", "conflict", "created", "host", "not_found"),
    *("off", "profiled", "released", "renewed", "unauthorized", "unconditional"),
)
HTTP_REASONS = ("budget", "late", "unauthorized", "web_config")


class OwnMetrics:
    """Counters of what the collector did, and above all of what it did not take."""

    def __init__(self) -> None:
        prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = prometheus.CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> prometheus.Counter:
            return prometheus.Counter(f"waggle_collector_{name}", text, labels, registry=registry)

        def summary(name: str, text: str) -> prometheus.Summary:
            return prometheus.Summary(f"waggle_collector_{name}_seconds", text, registry=registry)

        text = "What was not taken, by error code of the protocol and who it came from."
        self._refusals = counter("refusals", text, "reason", "principal")
        self._refused: dict[str, Counter[str]] = {}
        text = "Updates that were ignored because a newer one was applied before."
        self.stale_updates = counter("stale_updates", text)
        self.cells = counter("cells", "Cells of the updates applied.")
        self._update_seconds = summary("update", "Time to fold an update into the table.")
        text = "Time to render an answer to a scrape, gzip not included."
        self.scrape_seconds = summary("scrape", text)
        text = "Connections by what became of them."
        self.connections = counter("connections", text, "outcome")
        text = "How often connections had to wait for the rate limit or for descriptors."
        self.accept_delays = counter("accept_delays", text)
        text = "How often a peer was not read for a while, since its bytes took long."
        self.read_pauses = counter("read_pauses", text)
        self.state_writes = summary("state_write", "Time to write the state file.")
        text = "Writes of the state file that failed."
        self.state_failures = counter("state_write_failures", text)
        text = "Answers sent before what they show was in the state file, for that took too long."
        self.state_late = counter("state_late", text)
        text = "Rows and values of the state file that were left out at the start."
        self.state_left_out = counter("state_left_out", text)
        text = "Lookups of pods in the app-meta cache, by what came of them."
        self.lookups = counter("identity_lookups", text, "result")
        text = "Claims of plugins about their pod, by what they were worth."
        self.identity_checks = counter("identity_checks", text, "result")
        text = "HTTP connections by outcome: accepted, or the reason for closing."
        self.http_connections = counter("http_connections", text, "outcome")
        for outcome in HTTP_OUTCOMES:
            self.http_connections.labels(outcome)
        text = "HTTP requests that were not answered with what they asked for, by reason."
        self.http_refusals = counter("http_refusals", text, "reason")
        for reason in HTTP_REASONS:
            self.http_refusals.labels(reason)
        text = "Errors of the collector's own, by where; the log has the traceback of the first."
        self.errors = counter("errors", text, "where")
        for where in FAULTS:
            self.errors.labels(where)
        self._add_control()
        text = "Lines of the log that could not be written, or not soon enough."
        self.log_lines_lost = counter("log_lines_lost", text)
        info = prometheus.Info("waggle_collector_build", "The running version.", registry=registry)
        info.info({"version": VERSION})
        prometheus.ProcessCollector(registry=registry)

    def _add_control(self) -> None:
        registry = self.registry
        text = "Requests to control plugins, by what became of them."
        self.control_requests = prometheus.Counter(
            "waggle_collector_control_requests", text, ["outcome"], registry=registry
        )
        for outcome in CONTROL_OUTCOMES:
            self.control_requests.labels(outcome)
        text = "Leases that ended without renewal."
        self.lease_expirations = prometheus.Counter(
            "waggle_collector_lease_expirations", text, registry=registry
        )
        text = "Leases that are held now, those that wait for another's end included."
        self.leases = prometheus.Gauge("waggle_collector_leases", text, registry=registry)
        text = "Values of knobs that are in quarantine."
        self.quarantined_values = prometheus.Gauge(
            "waggle_collector_quarantined_values", text, registry=registry
        )

    def connected(self, connections: prometheus.Counter, outcome: str, principal: str) -> None:
        """Count what became of a connection, and by name whose fault it was that we closed it."""
        connections.labels(outcome).inc()
        if outcome not in ("accepted", "idle", "web_config"):
            self.refused(outcome, principal)

    def refused(self, reason: str, principal: str) -> None:
        """Count one refusal; beyond the bound the principal with the fewest loses its name."""
        refused = self._refused
        if principal not in refused and len(refused) >= DEFAULT_MAX_REFUSED:
            fewest = min(refused, key=lambda each: refused[each].total())
            for each, count in refused.pop(fewest).items():
                self._refusals.remove(each, fewest)
                self._refusals.labels(each, "other").inc(count)
        refused.setdefault(principal, Counter())[reason] += 1
        self._refusals.labels(reason, principal).inc()

    def updated(self, cells: int, seconds: float) -> None:
        """Count one applied update."""
        self.cells.inc(cells)
        self._update_seconds.observe(seconds)
