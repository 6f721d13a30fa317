"""What a scrape takes: time and bytes, beside generate_latest and the Pushgateway."""

import contextlib
import gzip
import http.client
import statistics
import time
from typing import Any, Callable, ContextManager, Dict, Iterator, List, Tuple

from . import processes
from .raw import Session

LINES = (1_000, 10_000, 100_000)
#: Lines that our text has for each timer with samples in eight buckets, and for each gauge.
PER_SERIES = {"timer": 31, "gauge": 2}
#: Scrapes before those that are timed, and those.
WARM, TURNS = 3, 11
#: Series of one session of ours, under its limit; lines of a group of the Pushgateway, which looks
#: at all groups at each push.
OF_A_SESSION, OF_A_GROUP = 500, 500

#: Asks once, packed or not; returns what it took in seconds, and the body.
Ask = Callable[[bool], Tuple[float, bytes]]


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


@contextlib.contextmanager
def ours(lines: int, kind: str, changed: float) -> Iterator[Ask]:
    """Our collector; so great a part of the series changes before each scrape."""
    left = max(1, lines // PER_SERIES[kind])
    with processes.ours("--limit.series=200000") as collector:
        sessions: List[Session] = []
        while left > 0:
            size = min(left, OF_A_SESSION)
            sessions.append(Session(collector.directory + "/socket", len(sessions), size, kind))
            left -= size
        ticks = iter(range(1, 10**6))

        def update(part: float) -> None:
            tick = next(ticks)
            for session in sessions:
                session.update(tick, max(1, int(session.series * part)))
                session.flush()

        def ask(packed: bool) -> Tuple[float, bytes]:
            update(changed)
            return get(collector.ports["http"], packed)

        update(1.0)
        yield ask
        for session in sessions:
            session.close()


@contextlib.contextmanager
def generate_latest(lines: int, kind: str) -> Iterator[Ask]:
    """prometheus_client's renderer alone, without any HTTP."""
    from prometheus_client import generate_latest as render

    registry = registered(lines, kind)

    def ask(packed: bool) -> Tuple[float, bytes]:
        start = time.perf_counter()
        body = render(registry)
        if packed:
            body = gzip.compress(body, 6)
        return time.perf_counter() - start, body

    yield ask


@contextlib.contextmanager
def pushgateway(lines: int, kind: str) -> Iterator[Ask]:
    """The Pushgateway, to which all was pushed before: it has nothing to do but to answer."""
    from prometheus_client import generate_latest as render

    text = render(registered(OF_A_GROUP, kind))
    with processes.pushgateway() as gateway:
        port = gateway.ports["http"]
        for group in range(max(1, lines // OF_A_GROUP)):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("PUT", "/metrics/job/task%d" % group, text)
            connection.getresponse().read()
            connection.close()
        yield lambda packed: get(port, packed)


def registered(lines: int, kind: str) -> Any:
    """Return a registry of histograms, 25 lines each, or of gauges that makes so many lines."""
    from prometheus_client import CollectorRegistry, Gauge, Histogram

    registry = CollectorRegistry()
    labels = ("plugin", "plugin_task", "plugin_job", "name")
    if kind == "gauge":
        level = Gauge("level", "Levels.", labels, registry=registry)
        for index in range(lines):
            child = level.labels("plugin", "task%d" % (index // 20), "", "level.%d" % index)
            child.set(index + 0.125)
        return registry
    bounds = [2.0**power for power in range(-13, 8)]
    family = Histogram("timer_seconds", "Blocks.", labels, buckets=bounds, registry=registry)
    for index in range(max(1, lines // 25)):
        timer = family.labels("plugin", "task%d" % (index // 20), "", "block.%d" % index)
        for value in (0.005, 0.02, 0.02, 0.044):
            timer.observe(value)
    return registry


def measured(lines: int, kind: str) -> Iterator[Dict[str, Any]]:
    """Yield the rows of one size and kind: all subjects answer in turn."""
    starts: Dict[Tuple[str, float], ContextManager[Ask]] = {
        ("ours", 1.0): ours(lines, kind, 1.0),
        ("ours", 0.1): ours(lines, kind, 0.1),
        ("generate_latest", 1.0): generate_latest(lines, kind),
        ("Pushgateway", 0.0): pushgateway(lines, kind),
    }
    with contextlib.ExitStack() as stack:
        asks: Dict[Tuple[str, float], Ask] = {}
        for key, start in starts.items():
            try:
                asks[key] = stack.enter_context(start)
            except processes.Missing as error:
                yield {"case": "scrape", "subject": key[0], "missing": str(error)}
        for packed in (False, True):
            times: Dict[Tuple[str, float], List[float]] = {key: [] for key in asks}
            bodies: Dict[Tuple[str, float], bytes] = {}
            for turn in range(-WARM, TURNS):
                for key in sorted(asks, reverse=bool(turn % 2)):
                    took, bodies[key] = asks[key](packed)
                    if turn >= 0:
                        times[key].append(took)
            for (subject, changed), body in bodies.items():
                found = (gzip.decompress(body) if packed else body).count(b"\n")
                scale = 1e3 * lines / found  # so that rows of a size can be compared
                spent = times[subject, changed]
                yield {
                    "case": "scrape",
                    "subject": subject,
                    "kind": kind,
                    "lines": lines,
                    "lines_found": found,
                    "packed": packed,
                    "changed": changed,
                    "bytes": len(body),
                    "ms": round(statistics.median(spent) * scale, 3),
                    "ms_spread": [round(min(spent) * scale, 3), round(max(spent) * scale, 3)],
                }


def run() -> Iterator[Dict[str, Any]]:
    """Yield all rows."""
    for lines in LINES:
        for kind in PER_SERIES:
            yield from measured(lines, kind)
