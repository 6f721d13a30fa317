"""The peers, each set up as its documentation says, and sending to something that is there."""

import os
import tempfile
import time
from typing import Any, Callable, Dict, Tuple

#: What a statement uses, by name, and what sends the rest.
Ready = Tuple[Dict[str, Any], Callable[[], Any]]

#: The environment variable with the port that takes the datagrams.
UDP_PORT = "BENCH_UDP_PORT"


def prometheus() -> Ready:
    """prometheus_client in one process."""
    from prometheus_client import Counter, Gauge, Histogram

    family = Histogram("block_seconds", "Blocks.", ["name"])
    names = {
        "family": family,
        "bound": family.labels("x"),
        "counter": Counter("events", "Events.", ["name"]).labels("x"),
        "gauge": Gauge("level", "Level.", ["name"]).labels("x"),
    }
    return names, lambda: None


def prometheus_multiprocess() -> Ready:
    """prometheus_client as it has to be used where a plugin has several processes."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="bench-")
    return prometheus()


def dogstatsd(buffered: bool = True) -> Ready:
    """DogStatsD of the package ``datadog``, in the buffered mode that it recommends."""
    from datadog.dogstatsd import DogStatsd

    client = DogStatsd(
        host="127.0.0.1", port=int(os.environ[UDP_PORT]), disable_buffering=not buffered
    )
    return {"client": client}, client.flush


def dogstatsd_unbuffered() -> Ready:
    """DogStatsD with a packet for each sample."""
    return dogstatsd(buffered=False)


def statsd() -> Ready:
    """The package ``statsd``, a UDP packet for each sample."""
    from statsd import StatsClient

    client = StatsClient("127.0.0.1", int(os.environ[UDP_PORT]))
    return {"client": client}, lambda: None


def opentelemetry() -> Ready:
    """The OpenTelemetry SDK, exporting each second to an exporter that throws away."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import (
        MetricExporter,
        MetricExportResult,
        PeriodicExportingMetricReader,
    )

    class Discard(MetricExporter):
        def export(self, metrics_data: Any, timeout_millis: float = 0, **_: Any) -> Any:
            return MetricExportResult.SUCCESS

        def force_flush(self, timeout_millis: float = 0) -> bool:
            return True

        def shutdown(self, timeout_millis: float = 0, **_: Any) -> None:
            pass

    reader = PeriodicExportingMetricReader(Discard(), export_interval_millis=1000)
    provider = MeterProvider(metric_readers=[reader])
    meter = provider.get_meter("bench")
    names = {
        "histogram": meter.create_histogram("block", unit="s"),
        "counter": meter.create_counter("events"),
        "clock": time.perf_counter,
    }
    return names, provider.force_flush


def timeit() -> Ready:
    """pywaggle's own ``timeit``, publishing to a file, as plugins are developed."""
    os.environ["PYWAGGLE_LOG_DIR"] = tempfile.mkdtemp(prefix="bench-")
    from waggle.plugin import Plugin

    plugin = Plugin()
    plugin.__enter__()
    return {"plugin": plugin}, lambda: None


def ancestor() -> Ready:
    """The design of 2021, re-created from its description (see :mod:`bench.calls.ancestor`)."""
    from .ancestor import Timers

    return {"timers": Timers()}, lambda: None
