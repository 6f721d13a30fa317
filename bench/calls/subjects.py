"""What is timed: one statement of a library, and what has to stand before it can run."""

import itertools
from typing import Any, Callable, Dict, Iterator, List, NamedTuple

from . import peers


class Subject(NamedTuple):
    """A statement that records one sample, and who makes what it uses.

    ``setup()`` returns the names that the statement uses and a function that sends what is left.
    """

    name: str
    group: str  # subjects of one group do the same
    statement: str
    setup: Callable[[], peers.Ready]


def ours() -> peers.Ready:
    """Return a LiveMetrics that sends to the collector in ``WAGGLE_LIVE_METRICS``."""
    from waggle_live import LiveMetrics

    live = LiveMetrics(plugin_name="bench").open()
    kept = live.timer("kept")

    def drive(coroutine: Any) -> None:
        try:  # noqa: SIM105, which would be measured too
            coroutine.send(None)
        except StopIteration:
            pass

    @live.timer("coroutine")
    async def coroutine() -> None:
        pass

    @live.timer("generator")
    def generator() -> Iterator[int]:
        yield 1

    @live.timer("decorated")
    def decorated(argument: Any = None) -> None:
        pass

    names: Dict[str, Any] = {
        "live": live,
        "kept": kept,
        "decorated": decorated,
        "rate": live.rate("ticks"),
        "gauge": live.gauge("level"),
        "counter": live.counter("events"),
        "sync": int,
        "drive": drive,
        "coroutine": coroutine,
        "generator": generator,
        "items": iter(live.rate("items").each(itertools.repeat(0))),
    }
    return names, lambda: live.close(timeout=5)


OURS = [
    Subject("ours: with live.timer(name)", "block", "with live.timer('x'): pass", ours),
    Subject("ours: with a kept timer", "block", "with kept: pass", ours),
    Subject("ours: with labels", "block", "with live.timer('x', model='a'): pass", ours),
    Subject("ours: with sync", "block", "with live.timer('x', sync=sync): pass", ours),
    Subject("ours: decorator", "call", "decorated()", ours),
    Subject("ours: decorator, an argument", "call", "decorated(1)", ours),
    Subject("ours: decorated coroutine", "call", "drive(coroutine())", ours),
    Subject("ours: decorated generator, one item", "call", "for _ in generator(): pass", ours),
    Subject("ours: start() and stop()", "pair", "kept.start().stop()", ours),
    Subject(
        "ours: start_timer, stop_timer", "pair", "live.start_timer('x'); live.stop_timer('x')", ours
    ),
    Subject("ours: with live.rate(name)", "block", "with live.rate('x'): pass", ours),
    Subject("ours: counter.inc()", "inc", "counter.inc()", ours),
    Subject("ours: live.counter(name).inc()", "inc", "live.counter('x').inc()", ours),
    Subject("ours: rate.tick()", "inc", "rate.tick()", ours),
    Subject("ours: rate.each(), an item", "inc", "next(items)", ours),
    Subject("ours: gauge.set(value)", "set", "gauge.set(1.5)", ours),
    Subject("ours: gauge.inc()", "set", "gauge.inc()", ours),
]

PEERS = [
    Subject("prometheus_client, bound", "block", "with bound.time(): pass", peers.prometheus),
    Subject(
        "prometheus_client, .labels()",
        "block",
        "with family.labels('x').time(): pass",
        peers.prometheus,
    ),
    Subject(
        "prometheus_client, multiprocess, bound",
        "block",
        "with bound.time(): pass",
        peers.prometheus_multiprocess,
    ),
    Subject("DogStatsD, buffered", "block", "with client.timed('x'): pass", peers.dogstatsd),
    Subject(
        "DogStatsD, unbuffered", "block", "with client.timed('x'): pass", peers.dogstatsd_unbuffered
    ),
    Subject("statsd, UDP", "block", "with client.timer('x'): pass", peers.statsd),
    Subject(
        "OpenTelemetry SDK",
        "block",
        "begin = clock(); histogram.record(clock() - begin)",
        peers.opentelemetry,
    ),
    Subject(
        "OpenTelemetry SDK, an attribute",
        "block",
        "begin = clock(); histogram.record(clock() - begin, {'name': 'x'})",
        peers.opentelemetry,
    ),
    Subject("pywaggle timeit", "block", "with plugin.timeit('x'): pass", peers.timeit),
    Subject("the ancestor's pair", "block", "timers.start('x'); timers.stop('x')", peers.ancestor),
    Subject("prometheus_client Counter, bound", "inc", "counter.inc()", peers.prometheus),
    Subject("DogStatsD increment, buffered", "inc", "client.increment('x')", peers.dogstatsd),
    Subject("OpenTelemetry counter", "inc", "counter.add(1)", peers.opentelemetry),
    Subject("prometheus_client Gauge, bound", "set", "gauge.set(1.5)", peers.prometheus),
    Subject("DogStatsD gauge, buffered", "set", "client.gauge('x', 1.5)", peers.dogstatsd),
]

ALL: List[Subject] = OURS + PEERS


def by_name(name: str) -> Subject:
    """Return the subject of that name."""
    return next(subject for subject in ALL if subject.name == name)
