"""What the collector spends, as ratios: a line of a scrape, a cell taken in, memory of a series.

Each is compared with a yardstick that does the like on the same machine. The least of many turns
counts, since a busy machine can only make a turn longer.
"""

import gzip
import json
import subprocess
import sys
import time
from typing import Any, Callable, Dict

from waggle_live.wire.protocol import encode_cell, encode_updates

from .. import processes
from ..raw import Session, timer
from ..scrape import PER_SERIES, get, registered

TURNS = 30
#: Series of a plugin, by kind, both with about as many lines; and plugins of each kind. That makes
#: 16,000 lines. A scrape also costs some 1.5 ms whatever it shows: HTTP, the collector's own
#: metrics, a file for the state. Half of that is system calls, which cost several times as much on
#: one machine as on another, while the yardstick makes none. With so many lines it is a tenth of
#: the ratio; with a quarter of them it was a third.
SERIES, PLUGINS = {"timer": 65, "gauge": 1000}, 4
#: Cells of an update, and updates of a turn.
CELLS, UPDATES = 20, 50
#: Sessions that are filled for the memory of a series.
SESSIONS, SCRAPES = 100, 9
HISTOGRAMS = 1000

#: What each may cost: what it costs now, and a sixth more. Intake's ratio depends on how CPython
#: was built. It is 3.1 to 3.3 where 3.11 was built without PGO, as in CI. It is 4.0 to 4.2 with
#: Debian's 3.11.2, whose json.loads is faster by a third, and the rest by a fifth.
LIMITS = {
    "scrape of changed series, a line, × generate_latest": 0.12,
    "intake, CPU of a timer's cell, × json.loads of it": 3.8,
    "memory, a timer series, × prometheus_client's Histogram": 0.55,
}

CHILDREN = """
import os
from prometheus_client import CollectorRegistry, Histogram
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
bounds = [2.0**power for power in range(-13, 8)]
labels = ("plugin", "plugin_task", "plugin_job", "name")
family = Histogram("x", "x", labels, buckets=bounds, registry=CollectorRegistry())
before = resident()
for index in range({count}):
    family.labels("plugin", "task%d" % (index // 20), "", "block.%d" % index).observe(0.02)
print((resident() - before) / {count})
"""


def ratios() -> Dict[str, float]:
    """Return the ratio of each of :data:`LIMITS`."""
    return dict(zip(LIMITS, (*scrape_and_intake(), memory())))


def least(measure: Callable[[], float]) -> float:
    """Return the least of :data:`TURNS` measurements."""
    return min(measure() for _ in range(TURNS))


def scrape_and_intake() -> "tuple[float, float]":
    """Return CPU of a line of a scrape and of a cell, each as a multiple of its yardstick."""
    with processes.ours() as collector:
        path = collector.directory + "/socket"
        sessions = [
            Session(path, number, count, kind)
            for number, (kind, count) in enumerate([*SERIES.items()] * PLUGINS)
        ]
        small = Session(path, len(sessions), CELLS)
        ticks = iter(range(1, 10**6))

        def scrape() -> float:
            tick = next(ticks)
            for session in sessions:
                session.update(tick)
                session.flush()
            before = collector.cpu()
            _, body = get(collector.ports["http"], packed=True)  # as Prometheus asks
            return (collector.cpu() - before) / gzip.decompress(body).count(b"\n")

        def intake() -> float:
            # At once, so that it doesn't matter how often the collector is woken for it.
            burst = b"".join([small.lines(next(ticks)) for _ in range(UPDATES)])
            before = collector.cpu()
            small.send(burst)
            small.flush()
            return (collector.cpu() - before) / (UPDATES * CELLS)

        ours = least(scrape), least(intake)
        for session in (*sessions, small):
            session.close()
    return ours[0] / generate_latest(), ours[1] / json_loads()


def generate_latest() -> float:
    """Return the CPU seconds of a line of prometheus_client's renderer."""
    import prometheus_client

    registries = [registered(PER_SERIES[kind] * count, kind) for kind, count in SERIES.items()]

    def render() -> float:
        before = time.thread_time()
        lines = sum(prometheus_client.generate_latest(each).count(b"\n") for each in registries)
        return (time.thread_time() - before) / lines

    return least(render)


def json_loads() -> float:
    """Return the CPU seconds that the standard library takes for a cell of an update's line."""
    cells = [encode_cell(timer(index, 1)) for index in range(CELLS)]
    ((_, line),) = encode_updates(cells, 1, 0.25, 0.0)

    def load() -> float:
        before = time.thread_time()
        # Kept, as a table is, so that both suffer where others use the caches of the processor.
        kept = [json.loads(line) for _ in range(UPDATES)]
        return (time.thread_time() - before) / (len(kept) * CELLS)

    return least(load)


def memory() -> float:
    """Return the memory of a timer series in the collector, × a child of a Histogram.

    The least after some scrapes. The C library may keep what the text of the last one took, or give
    it back; with a fixed threshold it gives it back.
    """
    with processes.ours(**processes.MEMORY) as collector:
        get(collector.ports["http"], packed=False)
        idle = collector.memory()
        path = collector.directory + "/socket"
        sessions = []
        for number in range(SESSIONS):  # no more at a time than a process may open
            sessions.append(Session(path, number, CELLS))
            time.sleep(0.05)
        after = []
        for tick in range(1, SCRAPES + 1):
            for session in sessions:
                session.update(tick)
                session.flush()
            get(collector.ports["http"], packed=False)
            after.append(collector.memory())
        ours = (min(after[1:]) - idle) * 2**20 / (SESSIONS * CELLS)
        for session in sessions:
            session.close()
    code = CHILDREN.replace("{count}", str(HISTOGRAMS))
    done: Any = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    return ours / float(done.stdout)
