"""What taking in samples costs: of collectors alone at 100,000 a second, and of whole pairs."""

import functools
import http.client
import os
import socket
import subprocess
import sys
import time
from typing import Any, Callable, Dict, Iterator, List, Tuple

from . import processes
from .page.results import medians
from .scrape import each_second

RATE, SECONDS = 100_000, 3.0
#: Each in turn, so often.
ROUNDS = 3
#: Statsd lines in a packet, which is what DogStatsD's buffer of 1,432 bytes holds.
IN_A_PACKET = 50
MILLION = RATE * SECONDS / 1e6

#: A plugin that times blocks at a rate, in bursts each 10 ms, and says what CPU it had.
PLUGIN = """
import sys, time
from bench.calls.subjects import by_name
from bench.calls.worker import compiled
name, rate, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
names, finish = by_name(name).setup()
run = compiled(by_name(name).statement, names)
run(1000)
before = time.process_time()
begin = time.perf_counter()
for burst in range(int(seconds * 100)):
    run(rate // 100)
    time.sleep(max(0, begin + (burst + 1) / 100 - time.perf_counter()))
finish()
print(time.process_time() - before, time.perf_counter() - begin)
"""


def plugin(name: str, rate: int, **environment: str) -> Tuple[float, float]:
    """Run a plugin at ``rate`` for ``SECONDS``; return its CPU and wall seconds."""
    command = [sys.executable, "-c", PLUGIN, name, str(rate), str(SECONDS)]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    cpu, wall = done.stdout.split()
    return float(cpu), float(wall)


def pair(name: str, collector: processes.Program, **environment: str) -> Dict[str, Any]:
    """Return CPU seconds per million samples of a plugin and of its collector."""
    before = collector.cpu()
    cpu, wall = plugin(name, RATE, **environment)
    time.sleep(1.0)
    return {
        "plugin_cpu_per_million": round(cpu / MILLION, 4),
        "collector_cpu_per_million": round((collector.cpu() - before) / MILLION, 4),
        "reached": round(RATE * SECONDS / wall),
    }


def flood(port: int, per_packet: int, rate: int) -> None:
    """Send statsd timers over UDP at ``rate`` for ``SECONDS``, in bursts each millisecond."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.connect(("127.0.0.1", port))
        packet = b"\n".join([b"block:20.125|ms"] * per_packet)
        begin = time.perf_counter()
        for burst in range(int(SECONDS * 100)):
            for _ in range(rate // 100 // per_packet):
                out.send(packet)
            time.sleep(max(0.0, begin + (burst + 1) / 100 - time.perf_counter()))


def statsd_server(start: Callable[[], Any]) -> Iterator[Dict[str, Any]]:
    """Yield what netdata or collectd spends on the same samples, many or one in a packet."""
    with start() as server:
        for per_packet in (IN_A_PACKET, 1):
            rate = RATE if per_packet > 1 else RATE // 10
            before, lost = server.cpu(), dropped()
            flood(server.ports["statsd"], per_packet, rate)
            time.sleep(1.5)
            yield {
                "case": "intake",
                "subject": "%s, UDP, %d a packet" % (start.__name__, per_packet),
                "rate": rate,
                "collector_cpu_per_million": round(
                    (server.cpu() - before) / (rate * SECONDS / 1e6), 4
                ),
                "packets_dropped_by_kernel": dropped() - lost,
            }
        row = pair("DogStatsD, buffered", server, BENCH_UDP_PORT=str(server.ports["statsd"]))
        yield {"case": "pair", "subject": "DogStatsD buffered + " + start.__name__, **row}


def dropped() -> int:
    """Return how many datagrams this machine's kernel has thrown away, all sockets together."""
    with open("/proc/net/snmp", encoding="ascii") as file:
        rows = [line.split() for line in file if line.startswith("Udp:")]
    found = dict(zip(rows[0], rows[1]))
    return int(found["RcvbufErrors"])


def ours() -> Iterator[Dict[str, Any]]:
    """Yield what our collector spends on a plugin with 100,000 blocks a second, scraped."""
    with processes.ours() as collector, each_second(collector.ports["http"]):
        row = pair(
            "ours: with live.timer(name)",
            collector,
            WAGGLE_LIVE_METRICS="unix://%s/socket" % collector.directory,
        )
    intake = {"case": "intake", "subject": "ours", "rate": RATE}
    yield {**intake, "collector_cpu_per_million": row["collector_cpu_per_million"]}
    yield {"case": "pair", "subject": "ours + our collector", **row}


def prometheus() -> Iterator[Dict[str, Any]]:
    """Yield prometheus_client, which is its own collector; its scrapes are not counted."""
    cpu, wall = plugin("prometheus_client, bound", RATE)
    yield {
        "case": "pair",
        "subject": "prometheus_client, scraped itself",
        "plugin_cpu_per_million": round(cpu / MILLION, 4),
        "collector_cpu_per_million": 0.0,
        "reached": round(RATE * SECONDS / wall),
    }


def victoria() -> Iterator[Dict[str, Any]]:
    """Yield VictoriaMetrics taking in samples as lines of Prometheus text, 1,000 a request."""
    body = "\n".join('block{plugin="a",n="%d"} 0.02' % (n % 20) for n in range(1000))
    with processes.victoria() as server:
        before = server.cpu()
        connection = http.client.HTTPConnection("127.0.0.1", server.ports["http"])
        begin = time.perf_counter()
        for request in range(int(RATE * SECONDS / 1000)):
            connection.request("POST", "/api/v1/import/prometheus", body)
            connection.getresponse().read()
            time.sleep(max(0.0, begin + request / (RATE / 1000) - time.perf_counter()))
        time.sleep(1.0)
        yield {
            "case": "intake",
            "subject": "VictoriaMetrics, import",
            "rate": RATE,
            "collector_cpu_per_million": round((server.cpu() - before) / MILLION, 4),
        }


def pushgateway() -> Iterator[Dict[str, Any]]:
    """Yield the Pushgateway, to which each push of 20 series is 20 samples."""
    body = "# TYPE block gauge\n" + "".join('block{n="%d"} 0.02\n' % n for n in range(20))
    pushes = 1000
    with processes.pushgateway() as server:
        before = server.cpu()
        for push in range(pushes):
            connection = http.client.HTTPConnection("127.0.0.1", server.ports["http"])
            connection.request("PUT", "/metrics/job/task%d" % (push % 50), body)
            connection.getresponse().read()
            connection.close()
        yield {
            "case": "intake",
            "subject": "Pushgateway, 20 series a push",
            "rate": "as it comes",
            "collector_cpu_per_million": round((server.cpu() - before) / (pushes * 20 / 1e6), 4),
        }


def run(short: bool = False) -> Iterator[Dict[str, Any]]:
    """Yield all rows: medians of some rounds of everything."""
    cases: Dict[str, Callable[[], Iterator[Dict[str, Any]]]] = {
        "ours": ours,
        "prometheus_client": prometheus,
        "VictoriaMetrics": victoria,
        "Pushgateway": pushgateway,
        "netdata": functools.partial(statsd_server, processes.netdata),
        "collectd": functools.partial(statsd_server, processes.collectd),
    }
    rows: List[Dict[str, Any]] = []
    for turn in range(1 if short else ROUNDS):
        for name in sorted(cases, reverse=bool(turn % 2)):
            rows += _or_missing(name, cases[name])
    yield from medians(rows)


def _or_missing(name: str, case: Callable[[], Iterator[Dict[str, Any]]]) -> Iterator[Any]:
    try:
        yield from case()
    except processes.Missing as error:
        yield {"case": "intake", "subject": name, "missing": str(error)}
