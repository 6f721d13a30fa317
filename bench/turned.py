"""How long a value takes from the request that sets it until a plugin's knob has it."""

import contextlib
import http.client
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any, Dict, Iterator, List

from . import processes

SAMPLES, KNOBS = 60, 30
CONTENDERS = 3
TOKEN, HOLDER = "token-of-the-bench", "/api/v1/leases/bench"


def run(short: bool = False) -> Iterator[Dict[str, Any]]:
    """Yield a row of an idle machine, and one of a core that plugin, collector and others share."""
    yield {"subject": "ours", **_measure(short)}
    with _contended():
        yield {"subject": "ours, on a core with %d others" % CONTENDERS, **_measure(short)}


def _measure(short: bool) -> Dict[str, Any]:
    from waggle_live import LiveMetrics

    took: List[float] = []
    with tempfile.NamedTemporaryFile("w", suffix="-token") as token:
        token.write(TOKEN)
        token.flush()
        with processes.ours("--control.token-file=" + token.name) as collector:
            address = "unix://%s/socket" % collector.directory
            live = LiveMetrics(plugin_name="bench", address=address)
            server = http.client.HTTPConnection("127.0.0.1", collector.ports["http"])
            with contextlib.closing(live), contextlib.closing(server):
                # Many, since each may change once a second and 12 times a minute.
                knobs = [live.knob("size%d" % n, default=0, low=0, high=9) for n in range(KNOBS)]
                live.flush(5)
                will: Dict[str, int] = {}
                etag = ""
                for sample in range(5 if short else SAMPLES):
                    knob, value = knobs[sample % KNOBS], 1 + sample // KNOBS
                    will[knob.name] = value
                    time.sleep(random.uniform(0.2, 0.5))
                    begin = time.perf_counter()
                    etag = _put(server, will, etag)
                    while knob.value != value:
                        time.sleep(0.001)
                    took.append(time.perf_counter() - begin)
    took.sort()
    return {
        "case": "turned",
        "median_s": round(statistics.median(took), 3),
        "max_s": round(took[-1], 3),
        "cpus": os.cpu_count(),
    }


def _put(server: http.client.HTTPConnection, will: Dict[str, int], etag: str) -> str:
    """State the whole will of the holder; return its ETag."""
    match = {"If-Match": etag} if etag else {"If-None-Match": "*"}
    entries = [{"plugin": "bench", "name": name, "value": value} for name, value in will.items()]
    body = json.dumps({"ttl": 60, "set": entries})
    server.request("PUT", HOLDER, body, {"Waggle-Control-Token": TOKEN, **match})
    with server.getresponse() as answer:
        text = answer.read().decode()
        if answer.status >= 300:
            raise RuntimeError(text)
        return answer.headers["ETag"]


@contextlib.contextmanager
def _contended() -> Iterator[None]:
    """Have this process and what it starts on one core, with others that are always busy."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(CONTENDERS)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()
        os.sched_setaffinity(0, cores)
