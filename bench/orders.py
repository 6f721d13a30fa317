"""What control costs the collector, and how long an order takes until a plugin has it.

200 plugins, whose processes are made by hand, have 4 knobs each. One ``PUT`` sets all of them and
is then repeated each second, as a controller does that renews its leases.
"""

import contextlib
import http.client
import json
import os
import selectors
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any, Dict, Iterator, List, Optional, Tuple

from . import processes
from .raw import Session

PLUGINS, KNOBS, RENEWALS = 200, 4, 10
#: Orders whose way is timed; one knob changes 12 times a minute at most, so each has its own.
ORDERS = 30
#: Processes that are always busy, on the core that plugin and collector have.
CONTENDERS = 3
TOKEN = "bench"
CHOICES = [360, 720, 1080]


class Controller:
    """One holder of leases, on a connection of its own."""

    def __init__(self, collector: processes.Program, name: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", collector.ports["http"])
        self._path = "/api/v1/leases/" + name
        self._etag: Optional[str] = None

    def put(self, entries: List[Dict[str, Any]]) -> Tuple[float, List[Dict[str, Any]]]:
        """State the whole will; return the seconds that it took and the answers."""
        body = json.dumps({"ttl": 60, "set": entries})
        headers = {"Waggle-Control-Token": TOKEN, "If-None-Match": "*"}
        if self._etag is not None:
            headers = {"Waggle-Control-Token": TOKEN, "If-Match": self._etag}
        begin = time.perf_counter()
        self._connection.request("PUT", self._path, body, headers)
        response = self._connection.getresponse()
        answer = response.read()
        took = time.perf_counter() - begin
        assert response.status in (200, 201), answer
        self._etag = response.headers["ETag"]
        return took, json.loads(answer)["entries"]


class Readers:
    """Reads what the collector says to many processes, so that none of them is slow."""

    def __init__(self, sessions: List[Session]) -> None:
        self._selector = selectors.DefaultSelector()
        for session in sessions:
            self._selector.register(session.socket, selectors.EVENT_READ)

    def read(self, seconds: float) -> None:
        """Read for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for key, _ in self._selector.select(end - time.monotonic()):
                key.fileobj.recv(65536)  # type: ignore[union-attr]


@contextlib.contextmanager
def controlled() -> Iterator[processes.Program]:
    """Run a collector that takes orders."""
    with tempfile.NamedTemporaryFile("w") as token:
        token.write(TOKEN)
        token.flush()
        with processes.ours("--control.token-file=" + token.name) as collector:
            yield collector


def run(short: bool = False) -> Iterator[Dict[str, Any]]:
    """Yield a row for the orders of many plugins, and two for the way of an order."""
    with controlled() as collector:
        yield many(collector, 3 if short else RENEWALS)
    with controlled() as collector:
        yield {"subject": "ours", **visible(collector, 5 if short else ORDERS)}
    with contended(), controlled() as collector:
        subject = "ours, on a core with %d others" % CONTENDERS
        yield {"subject": subject, **visible(collector, 5 if short else ORDERS)}


@contextlib.contextmanager
def contended() -> Iterator[None]:
    """Have this process and what it starts on one core, with others that are always busy."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    command = [sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(command) for _ in range(CONTENDERS)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()
        os.sched_setaffinity(0, cores)


def many(collector: processes.Program, renewals: int) -> Dict[str, Any]:
    """Return what the orders for all plugins cost."""
    path = "%s/socket" % collector.directory
    sessions = []
    for number in range(PLUGINS):
        sessions.append(Session(path, number, 1))
        time.sleep(0.06)  # one process may connect 20 times a second
    names = ["knob_%d" % number for number in range(KNOBS)]
    told = [
        {"name": name, "type": "int", "default": 720, "choices": CHOICES, "value": 720}
        for name in names
    ]
    for session in sessions:
        session.tell(type="knobs", number=1, knobs=told)
        session.flush()
    entries = [
        {
            "plugin": "plugin%d" % (number % 50),
            "plugin_task": "task%d" % number,
            "name": name,
            "value": 360,
        }
        for number in range(PLUGINS)
        for name in names
    ]
    controller, readers = Controller(collector, "bench"), Readers(sessions)
    readers.read(2)
    before = collector.cpu()
    readers.read(renewals)
    idle = collector.cpu() - before
    before = collector.cpu()
    first, answers = controller.put(entries)
    first_cpu = collector.cpu() - before
    assert {each["status"] for each in answers} == {"pending"}
    took = []
    before = collector.cpu()
    for _ in range(renewals):
        begin = time.monotonic()
        took.append(controller.put(entries)[0])
        readers.read(1 - (time.monotonic() - begin))
    return {
        "case": "orders",
        "subject": "ours",
        "plugins": PLUGINS,
        "knobs": KNOBS,
        "first_ms": round(first * 1e3, 1),
        "first_cpu_ms": round(first_cpu * 1e3, 1),
        "renewal_ms": round(statistics.median(took) * 1e3, 1),
        "renewal_core_percent": round(100 * (collector.cpu() - before - idle) / renewals, 2),
    }


def visible(collector: processes.Program, orders: int) -> Dict[str, Any]:
    """Return how long it takes from a ``PUT`` until the plugin reads another value."""
    from waggle_live import LiveMetrics

    address, took = "unix://%s/socket" % collector.directory, []
    with contextlib.closing(LiveMetrics(plugin_name="bench", address=address)) as live:
        knobs = [
            live.knob("knob_%d" % number, default=720, choices=CHOICES) for number in range(orders)
        ]
        live.flush(5)
        time.sleep(1)
        controller, entries = Controller(collector, "bench"), []
        for number, knob in enumerate(knobs):
            time.sleep(0.137)  # at all moments of the sender's
            name = "knob_%d" % number
            entries.append({"plugin": "bench", "name": name, "value": 360})
            begin = time.perf_counter()
            controller.put(entries)
            while knob.value != 360:
                assert time.perf_counter() - begin < 10, name
                time.sleep(0.001)
            took.append(time.perf_counter() - begin)
    took.sort()
    return {
        "case": "ordered",
        "median_s": round(statistics.median(took), 3),
        "max_s": round(took[-1], 3),
        "cpus": os.cpu_count(),
    }
