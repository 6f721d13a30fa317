"""What a node's usual load costs: real plugins, a scrape a second, the page open once.

``busy`` has 20 plugins of 30 frames a second, each with 8 timers, a rate and a gauge a frame, and
beside them as many that run the same loop without instruments. ``idle`` has 20 plugins that are
connected and have nothing to say.
"""

import contextlib
import gzip
import http.client
import json
import statistics
import threading
import time
from typing import Any, Dict, Iterator, List, Tuple

from . import processes
from .scrape import each_second

PLUGINS, SETTLE, SECONDS = 20, 3.0, 20.0


@contextlib.contextmanager
def page_open(port: int) -> Iterator[None]:
    """Ask for changes each second, as a browser that shows the page does, in a thread."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    stop = threading.Event()

    def ask(position: str) -> Tuple[str, float]:
        path = "/api/v1/changes?since=" + position
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise ConnectionError("/api/v1/changes answers %d" % answer.status)
        position = json.loads(gzip.decompress(body))["position"]
        return position, float(answer.headers["Waggle-Live-Next"])

    def listen(position: str, wait: float) -> None:
        while not stop.wait(wait):
            position, wait = ask(position)

    thread = threading.Thread(target=listen, args=ask(""))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        connection.close()


def costs(groups: Dict[str, List[processes.Program]], seconds: float) -> Dict[str, Any]:
    """Return, for one program of each group, the per cent of a core and wake-ups a second."""
    before = {name: [_sums(program) for program in group] for name, group in groups.items()}
    begin = time.monotonic()
    time.sleep(seconds)
    found: Dict[str, Any] = {}
    for name, group in groups.items():
        took = time.monotonic() - begin
        after = [_sums(program) for program in group]
        both = list(zip(after, before[name]))
        cpu = statistics.mean(now[0] - then[0] for now, then in both)
        wakeups = statistics.mean(now[1] - then[1] for now, then in both)
        found[name + "_percent"] = round(100 * cpu / took, 3)
        found[name + "_wakeups"] = round(wakeups / took, 1)
    return found


def _sums(program: processes.Program) -> Tuple[float, int]:
    return program.cpu(), program.wakeups()


def busy(plugins: int, settle: float, seconds: float) -> Iterator[Dict[str, Any]]:
    """Yield the row of the usual load; a client's per cent is what its plain loop doesn't take."""
    numbers = range(plugins)
    with contextlib.ExitStack() as stack:
        collector = stack.enter_context(processes.ours())
        plain = [(number, "plain") for number in numbers]
        groups = {
            "plain": stack.enter_context(processes.plugins(collector, "frames", plain)),
            "client": stack.enter_context(
                processes.plugins(collector, "frames", [(number,) for number in numbers])
            ),
            "collector": [collector],
        }
        stack.enter_context(each_second(collector.ports["http"]))
        stack.enter_context(page_open(collector.ports["http"]))
        time.sleep(settle)
        row = costs(groups, seconds)
    for figure in ("percent", "wakeups"):
        row["client_" + figure] = round(row["client_" + figure] - row["plain_" + figure], 3)
    yield {"case": "load", "subject": "%d plugins, busy" % plugins, **row}


def idle(plugins: int, settle: float, seconds: float) -> Iterator[Dict[str, Any]]:
    """Yield the row of plugins that are silent; nobody scrapes."""
    numbers = [(number,) for number in range(plugins)]
    with contextlib.ExitStack() as stack:
        collector = stack.enter_context(processes.ours())
        clients = stack.enter_context(processes.plugins(collector, "idle", numbers))
        time.sleep(settle)
        row = costs({"client": clients, "collector": [collector]}, seconds)
    yield {"case": "load", "subject": "%d plugins, idle" % plugins, **row}


def run(short: bool = False) -> Iterator[Dict[str, Any]]:
    """Yield all rows."""
    size = (2, 0.5, 2.0) if short else (PLUGINS, SETTLE, SECONDS)
    for part in (busy, idle):
        yield from part(*size)
