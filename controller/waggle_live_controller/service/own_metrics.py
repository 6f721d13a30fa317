"""The controller's own metrics, on its own ``/metrics``."""

from typing import Tuple

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

_PLUGIN = ("node", "plugin_task")


class OwnMetrics:
    """The controller's metrics of itself. Thread-safe."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.acting = Gauge(
            "waggle_controller_acting",
            "1 if it turns knobs, 0 if it only says what it would do.",
            registry=self.registry,
        )
        self.polls = Counter(
            "waggle_controller_polls_total",
            "Polls of a node by outcome: ok or failed.",
            ["node", "outcome"],
            registry=self.registry,
        )
        self.lease_errors = Counter(
            "waggle_controller_lease_errors_total",
            "Periods in which a node had not taken the latest will.",
            ["node"],
            registry=self.registry,
        )
        self.deadline = Gauge(
            "waggle_controller_deadline_seconds",
            "The deadline that is held.",
            _PLUGIN,
            registry=self.registry,
        )
        self.measured = Gauge(
            "waggle_controller_measured_seconds",
            "What was measured of it last, by the statistic of its deadline.",
            _PLUGIN,
            registry=self.registry,
        )
        self.setting = Gauge(
            "waggle_controller_setting",
            "Setting that is decided on; 0 is the cheapest.",
            _PLUGIN,
            registry=self.registry,
        )
        self.settings = Gauge(
            "waggle_controller_settings",
            "How many settings there are.",
            _PLUGIN,
            registry=self.registry,
        )
        self.decisions = Counter(
            "waggle_controller_decisions_total",
            "Periods with a decision, by what was measured: met, missed or unknown.",
            (*_PLUGIN, "deadline"),
            registry=self.registry,
        )
        self.changes = Counter(
            "waggle_controller_changes_total",
            "Changes of a plugin's setting: up or down.",
            (*_PLUGIN, "direction"),
            registry=self.registry,
        )

    def serve(self, listen: str) -> Tuple[str, int]:
        """Answer scrapes at ``host:port``. Returns the host and port in use. Raises OSError."""
        host, _, port = listen.rpartition(":")
        host = host.strip("[]") or "0.0.0.0"
        server, _ = start_http_server(int(port), host, registry=self.registry)
        return host, int(server.server_port)
