"""What all of it weighs: memory of the collector, what the client adds to a plugin."""

import os
import statistics
import subprocess
import sys
import time
from typing import Any, Dict, Iterator, List

from waggle_live.run.hooks import START

from . import processes
from .raw import Session
from .scrape import get

TURNS = 9
PLUGINS, TIMERS, SCRAPES = 50, 20, 30

IMPORT = """
import time
begin = time.perf_counter()
import waggle.plugin
middle = time.perf_counter()
cpu = time.process_time()
{then}
end = time.perf_counter()
import os
resident = int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
print((middle - begin) * 1e3, (end - middle) * 1e3, resident / 2**20, cpu * 1e3)
"""

#: What a plugin without live metrics runs, and the same with them, used and sending.
WITHOUT = "pass"
ONLY_IMPORTED = "from waggle_live import Plugin, LiveMetrics; LiveMetrics; Plugin"
IN_USE = (
    "from waggle_live import Plugin, LiveMetrics\nend = 0\nlive = LiveMetrics().open()\n"
    "for index in range(20000):\n    with live.timer('block.%d' % (index % 20)): pass\n"
    "live.flush(5)\n"
)

PEERS = {
    "prometheus_client": "import prometheus_client",
    "DogStatsD": "from datadog.dogstatsd import DogStatsd",
    "OpenTelemetry SDK": "import opentelemetry.sdk.metrics, opentelemetry.sdk.metrics.export",
}


def started(then: str, address: str, path: str = "") -> List[float]:
    """Return milliseconds of pywaggle's import and of ``then``, the MiB after it, and the CPU time
    in milliseconds from the process's start to pywaggle."""
    environment = dict(os.environ, WAGGLE_LIVE_METRICS=address, PYTHONPATH=path)
    # What is installed was compiled by pip; what stands here is compiled by the first turn.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, "-c", IMPORT.replace("{then}", then)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(word) for word in done.stdout.split()]


def client(turns: int) -> Iterator[Dict[str, Any]]:
    """Yield what the client adds to a process that has imported pywaggle, beside the peers."""
    subjects = {"": WITHOUT, "ours, imported": ONLY_IMPORTED, "ours, 20 timers in use": IN_USE}
    subjects.update(PEERS)
    found: Dict[str, List[List[float]]] = {name: [] for name in subjects}
    run: List[float] = []
    with processes.ours() as collector:
        address = "unix://%s/socket" % collector.directory
        for turn in range(turns):
            for name in sorted(subjects, reverse=bool(turn % 2)):
                found[name].append(started(subjects[name], address))
            run.append(started(WITHOUT, address, START)[3])
    plain = found.pop("")
    base = statistics.median(values[2] for values in plain)
    # CPU time, from the process's start on: the import hook is part of that.
    more = statistics.median(run) - statistics.median(values[3] for values in plain)
    yield {"case": "client", "subject": "ours, under run", "import_ms": round(more, 2)}
    for name, rows in found.items():
        yield {
            "case": "client",
            "subject": name,
            "import_ms": round(statistics.median(values[1] for values in rows), 2),
            "pywaggle_import_ms": round(statistics.median(values[0] for values in rows), 2),
            "added_mib": round(statistics.median(values[2] for values in rows) - base, 2),
        }


def collector_memory(scrapes: int) -> Iterator[Dict[str, Any]]:
    """Yield the collector's memory with 50 plugins of 20 changing timers, scraped each second."""
    with processes.ours() as collector:
        get(collector.ports["http"], packed=True)
        idle = collector.memory()
        path = collector.directory + "/socket"
        sessions = [Session(path, number, TIMERS) for number in range(PLUGINS)]
        most = 0.0
        for tick in range(1, scrapes + 1):
            for session in sessions:
                session.update(tick)
            sessions[-1].flush()
            get(collector.ports["http"], packed=True)
            most = max(most, collector.memory())
            time.sleep(0.3)
        yield {
            "case": "memory",
            "subject": "ours, idle, after its first scrape",
            "mib": round(idle, 1),
        }
        yield {
            "case": "memory",
            "subject": "ours, %d plugins x %d timers" % (PLUGINS, TIMERS),
            "mib": round(collector.memory(), 1),
            "most_mib": round(most, 1),
        }


def peers_memory() -> Iterator[Dict[str, Any]]:
    """Yield the resident memory of the other collectors, with nothing to do."""
    for start in (
        processes.netdata,
        processes.collectd,
        processes.pushgateway,
        processes.victoria,
    ):
        row: Dict[str, Any] = {"case": "memory", "subject": start.__name__ + ", idle"}
        try:
            with start() as program:
                time.sleep(1)
                yield {**row, "mib": round(program.memory(), 1)}
        except processes.Missing as error:
            yield {**row, "missing": str(error)}


def run(short: bool = False) -> Iterator[Dict[str, Any]]:
    """Yield all rows."""
    yield from client(1 if short else TURNS)
    yield from collector_memory(3 if short else SCRAPES)
    yield from peers_memory()
