"""What a scrape takes: time and bytes, beside generate_latest and the Pushgateway."""

import gzip
import http.client
import statistics
import time
from typing import Any, Dict, Iterator, List, Tuple

from . import processes
from .raw import Session

LINES = (1_000, 10_000, 100_000)
#: Lines that our text has for each timer with samples in eight buckets, roughly: see ``run``.
PER_TIMER = 33
#: Scrapes before those that are timed, and those.
WARM, TURNS = 3, 15


def get(port: int, packed: bool, path: str = "/metrics") -> Tuple[float, bytes]:
    """Return the seconds that an answer took, on a new connection, and its body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Accept-Encoding": "gzip"} if packed else {}
    start = time.perf_counter()
    connection.request("GET", path, headers=headers)
    body = connection.getresponse().read()
    took = time.perf_counter() - start
    connection.close()
    return took, body


def ours(lines: int) -> Iterator[Dict[str, Any]]:
    """Yield rows of our collector: everything or a tenth of it changed, plain and packed."""
    timers = max(1, lines // PER_TIMER)
    with processes.ours() as collector:
        sizes = [500] * (timers // 500) + ([timers % 500] if timers % 500 else [])
        sessions = [
            Session(collector.directory + "/socket", number, size)
            for number, size in enumerate(sizes)
        ]
        tick = 0
        for changed in (1.0, 0.1):
            for packed in (False, True):
                times, body = [], b""
                for turn in range(WARM + TURNS):
                    tick += 1
                    for session, size in zip(sessions, sizes):
                        session.update(tick, max(1, int(size * changed)))
                        session.flush()
                    took, body = get(collector.ports["http"], packed)
                    if turn >= WARM:
                        times.append(took)
                yield row("ours", lines, times, body, packed, changed=changed)
        for session in sessions:
            session.close()


def row(
    subject: str, lines: int, times: List[float], body: bytes, packed: bool, **more: Any
) -> Dict[str, Any]:
    """Return one row; ``ms`` is scaled to the round number of lines that it stands for."""
    found = (gzip.decompress(body) if packed else body).count(b"\n")
    scale = lines / max(1, found)
    return {
        "case": "scrape",
        "subject": subject,
        "lines": lines,
        "lines_found": found,
        "packed": packed,
        "changed": 1.0,
        "bytes": len(body),
        "ms": round(statistics.median(times) * 1e3 * scale, 3),
        "ms_spread": [round(min(times) * 1e3 * scale, 3), round(max(times) * 1e3 * scale, 3)],
        **more,
    }


def histograms(lines: int) -> Any:
    """Return a registry of histograms that makes about so many lines."""
    from prometheus_client import CollectorRegistry, Histogram

    registry = CollectorRegistry()
    bounds = [2.0**power for power in range(-13, 8)]
    labels = ("plugin", "plugin_task", "plugin_job", "name")
    family = Histogram("timer_seconds", "Blocks.", labels, buckets=bounds, registry=registry)
    for index in range(max(1, lines // 25)):
        child = family.labels("plugin", "task%d" % (index // 20), "", "block.%d" % index)
        for value in (0.005, 0.02, 0.02, 0.044):
            child.observe(value)
    return registry


def generate_latest(lines: int) -> Iterator[Dict[str, Any]]:
    """Yield rows of prometheus_client's renderer alone, without any HTTP."""
    from prometheus_client import generate_latest as render

    registry = histograms(lines)
    for packed in (False, True):
        times, body = [], b""
        for _ in range(3 if lines > 50_000 else TURNS):
            start = time.perf_counter()
            body = render(registry)
            if packed:
                body = gzip.compress(body, 6)
            times.append(time.perf_counter() - start)
        yield row("generate_latest", lines, times, body, packed)


def pushgateway(lines: int) -> Iterator[Dict[str, Any]]:
    """Yield rows of the Pushgateway, holding groups of 20 timers."""
    from prometheus_client import generate_latest as render

    text = render(histograms(500))
    with processes.pushgateway() as gateway:
        port = gateway.ports["http"]
        for group in range(max(1, lines // 500)):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("PUT", "/metrics/job/task%d" % group, text)
            connection.getresponse().read()
            connection.close()
        for packed in (False, True):
            times, body = [], b""
            for turn in range(WARM + TURNS):
                took, body = get(port, packed)
                if turn >= WARM:
                    times.append(took)
            yield row("Pushgateway", lines, times, body, packed)


def run() -> Iterator[Dict[str, Any]]:
    """Yield all rows."""
    for lines in LINES:
        for subject in (ours, generate_latest, pushgateway):
            try:
                yield from subject(lines)
            except processes.Missing as error:
                yield {"case": "scrape", "subject": subject.__name__, "missing": str(error)}
