"""What a scrape takes: time and bytes, beside generate_latest and the Pushgateway."""

import contextlib
import functools
import gzip
import http.client
import statistics
import threading
import time
from typing import Any, Callable, ContextManager, Dict, Iterator, List, Sequence, Tuple

from . import processes
from .raw import Session

LINES = (1_000, 10_000, 100_000)
#: Lines that our text has for each timer with samples in eight buckets, gauge and counter.
PER_SERIES = {"timer": 31, "gauge": 2, "counter": 2}
#: Scrapes before those that are timed, and those.
WARM, TURNS = 3, 11
#: Series of one session of ours, under its limit; lines of a group of the Pushgateway, which looks
#: at all groups at each push.
OF_A_SESSION, OF_A_GROUP = 500, 500

#: Asks once, packed or not; returns what it took in seconds, and the body.
Ask = Callable[[bool], Tuple[float, bytes]]
#: The subjects of the table that one program gives, and how each is asked.
Asks = Dict[str, Ask]

PROTOBUF = "application/vnd.google.protobuf"
#: What Prometheus 2.42 accepts with ``--enable-feature=native-histograms``.
ACCEPT_NATIVE = (
    PROTOBUF + ";proto=io.prometheus.client.MetricFamily;encoding=delimited,"
    "application/openmetrics-text;version=1.0.0;q=0.8,"
    "application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
#: Our forms of ``/metrics``, by their parameters.
FORMS = ("", "live=0", "native=1&live=0")


def get(port: int, packed: bool, parameters: str = "") -> Tuple[float, bytes]:
    """Return the seconds that ``/metrics`` took, on a new connection, and its body.

    Raises Missing if a collector of ours doesn't know the form that the parameters ask for.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Accept-Encoding": "gzip"} if packed else {}
    if "native=1" in parameters:
        headers["Accept"] = ACCEPT_NATIVE
    start = time.perf_counter()
    connection.request("GET", "/metrics" + ("?" + parameters if parameters else ""), None, headers)
    answer = connection.getresponse()
    body = answer.read()
    took = time.perf_counter() - start
    connection.close()
    if "native=1" in parameters and not answer.headers["Content-Type"].startswith(PROTOBUF):
        raise processes.Missing("the collector answers %s in text" % parameters)
    if parameters and not packed and b"waggle_timer_recent_" in body:
        raise processes.Missing("the collector answers %s with recent values" % parameters)
    return took, body


@contextlib.contextmanager
def each_second(port: int) -> Iterator[None]:
    """Scrape once a second, as an edge controller does, in a thread."""
    stop = threading.Event()

    def scrape() -> None:
        while not stop.wait(1.0):
            get(port, packed=True)

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextlib.contextmanager
def ours(lines: int, kind: str, changed: float, forms: Sequence[str] = ("",)) -> Iterator[Asks]:
    """Our collector in some forms; so great a part of the series changes before each scrape."""
    left = max(1, lines // PER_SERIES[kind])
    with processes.ours("--limit.memory=4GiB") as collector:
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

        def ask(parameters: str, packed: bool) -> Tuple[float, bytes]:
            update(changed)
            return get(collector.ports["http"], packed, parameters)

        update(1.0)
        yield {"ours, " + form if form else "ours": functools.partial(ask, form) for form in forms}
        for session in sessions:
            session.close()


@contextlib.contextmanager
def generate_latest(lines: int, kind: str) -> Iterator[Asks]:
    """prometheus_client's renderer alone, without any HTTP."""
    from prometheus_client import generate_latest as render

    registry = registered(lines, kind)

    def ask(packed: bool) -> Tuple[float, bytes]:
        start = time.perf_counter()
        body = render(registry)
        if packed:
            body = gzip.compress(body, 6)
        return time.perf_counter() - start, body

    yield {"generate_latest": ask}


@contextlib.contextmanager
def pushgateway(lines: int, kind: str) -> Iterator[Asks]:
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
        yield {"Pushgateway": functools.partial(get, port)}


def registered(lines: int, kind: str) -> Any:
    """Return a registry of one kind that makes so many lines.

    A histogram has 25, a counter has two, with the time that it was made at.
    """
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

    registry = CollectorRegistry()
    labels = ("plugin", "plugin_task", "plugin_job", "name")

    def child(family: Any, index: int) -> Any:
        return family.labels("plugin", "task%d" % (index // 20), "", "series.%d" % index)

    if kind == "gauge":
        level = Gauge("level", "Levels.", labels, registry=registry)
        for index in range(lines):
            child(level, index).set(index + 0.125)
    elif kind == "counter":
        events = Counter("events", "Events.", labels, registry=registry)
        for index in range(max(1, lines // 2)):
            child(events, index).inc(index)
    else:
        bounds = [2.0**power for power in range(-13, 8)]
        blocks = Histogram("timer_seconds", "Blocks.", labels, buckets=bounds, registry=registry)
        for index in range(max(1, lines // 25)):
            timer = child(blocks, index)
            for value in (0.005, 0.02, 0.02, 0.044):
                timer.observe(value)
    return registry


def measured(lines: int, kind: str, turns: int = TURNS) -> Iterator[Dict[str, Any]]:
    """Yield the rows of one size and kind: all subjects answer in turn.

    Milliseconds are scaled to the round number of lines; those of our other forms as our text's, so
    that they are of the same series.
    """
    starts: List[Tuple[str, float, ContextManager[Asks]]] = [
        ("ours", 1.0, ours(lines, kind, 1.0, FORMS if kind == "timer" else FORMS[:1])),
        ("ours", 0.1, ours(lines, kind, 0.1)),
        ("generate_latest", 1.0, generate_latest(lines, kind)),
        ("Pushgateway", 0.0, pushgateway(lines, kind)),
    ]
    with contextlib.ExitStack() as stack:
        asks: Dict[Tuple[str, float], Ask] = {}
        for program, changed, start in starts:
            try:
                found = stack.enter_context(start)
            except processes.Missing as error:
                yield {"case": "scrape", "subject": program, "missing": str(error)}
                continue
            for subject, ask in found.items():
                try:
                    ask(False)
                    asks[subject, changed] = ask
                except processes.Missing as error:
                    yield {"case": "scrape", "subject": subject, "missing": str(error)}
        for packed in (False, True):
            times: Dict[Tuple[str, float], List[float]] = {key: [] for key in asks}
            bodies: Dict[Tuple[str, float], bytes] = {}
            for turn in range(-WARM, turns):
                for key in sorted(asks, reverse=bool(turn % 2)):
                    took, bodies[key] = asks[key](packed)
                    if turn >= 0:
                        times[key].append(took)
            for (subject, changed), body in bodies.items():
                text = bodies["ours", 1.0] if subject.startswith("ours,") else body
                lines_found = (gzip.decompress(text) if packed else text).count(b"\n")
                scale = 1e3 * lines / lines_found
                spent = times[subject, changed]
                yield {
                    "case": "scrape",
                    "subject": subject,
                    "kind": kind,
                    "lines": lines,
                    "lines_found": lines_found,
                    "packed": packed,
                    "changed": changed,
                    "bytes": len(body),
                    "ms": round(statistics.median(spent) * scale, 3),
                    "ms_spread": [round(min(spent) * scale, 3), round(max(spent) * scale, 3)],
                }


def run(short: bool = False) -> Iterator[Dict[str, Any]]:
    """Yield all rows."""
    for lines in LINES[:1] if short else LINES:
        for kind in PER_SERIES:
            yield from measured(lines, kind, 3 if short else TURNS)
