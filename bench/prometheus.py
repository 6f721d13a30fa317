"""What keeping a node's metrics costs: a real Prometheus for each form of ``/metrics``.

All of them scrape one collector at the same time, with ten plugins of the example's kind.
``kept`` is what one node is once it is stored, ``fleet`` what nodes take of Prometheus: one that is
scraped each second, and a hundred that are scraped each 15 s. The hundred are one collector under a
hundred names. ``thousand`` is the same of one node with 1,000 timers, where the timers outweigh
what each scrape costs anyway.
"""

import contextlib
import http.server
import statistics
import threading
import time
import urllib.parse
from typing import Any, Dict, Iterator, List

from . import processes
from .raw import Session
from .scrape import get
from .servers import Server, size

PLUGINS = 10
#: Until all recent values are there.
SETTLE = 12.0
#: A chunk of Prometheus's TSDB holds 120 samples of a series.
SCRAPES = 120
#: Sessions and timers of each, and seconds between their updates.
SESSIONS, TIMERS, UPDATE_SECONDS = 2, 500, 0.5
#: Nodes, seconds between their scrapes, and how long to measure.
FLEETS = ((1, 1, 30.0), (100, 15, 90.0))
#: Scrapes of a node up to now, failed ones too.
COUNT = "count_over_time(up[1h])"
#: Parameters of ``/metrics`` and flags of Prometheus, by the name of the form.
FORMS = {
    "text": ("", ()),
    "text, live=0": ("live=0", ()),
    "native, live=0": ("native=1&live=0", ("--enable-feature=native-histograms",)),
}


@contextlib.contextmanager
def sink() -> Iterator[int]:
    """A server that takes all that is written to it and keeps nothing: its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def plugged(settle: float) -> Iterator[processes.Program]:
    """A collector with the ten plugins, after so many seconds."""
    with processes.ours() as collector:
        numbers = [(number,) for number in range(PLUGINS)]
        with processes.plugins(collector, "camera", numbers):
            time.sleep(settle)
            yield collector


@contextlib.contextmanager
def thousand() -> Iterator[processes.Program]:
    """A collector with 1,000 timers, all of which change twice a second."""
    with processes.ours() as collector:
        path = collector.directory + "/socket"
        sessions = [Session(path, number, TIMERS) for number in range(SESSIONS)]
        stop = threading.Event()

        def update() -> None:
            for tick in range(1, 1 << 30):
                for session in sessions:
                    session.update(tick)
                    session.flush()
                if stop.wait(UPDATE_SECONDS):
                    return

        thread = threading.Thread(target=update)
        thread.start()
        try:
            yield collector
        finally:
            stop.set()
            thread.join()
            for session in sessions:
                session.close()


def config(port: int, form: str, nodes: int, interval: int) -> Dict[str, Any]:
    """Return a configuration that scrapes the port as so many nodes."""
    targets = [
        {
            "targets": ["127.0.0.1:%d" % port],
            "labels": {
                "instance": "node-%05d:9090" % number,
                "node_id": "%016x" % (0x48B02D000000 + number),
                "vsn": "W%05d" % number,
            },
        }
        for number in range(nodes)
    ]
    job = {
        "job_name": "waggle-live",
        "scrape_interval": "%ds" % interval,
        "scrape_timeout": "%ds" % interval,
        "params": urllib.parse.parse_qs(FORMS[form][0]),
        "static_configs": targets,
    }
    return {"scrape_configs": [job]}


@contextlib.contextmanager
def servers(
    collector: processes.Program, nodes: int, interval: int, **more: Any
) -> Iterator[Dict[str, Server]]:
    """A Prometheus for each form that the collector knows."""
    port = collector.ports["http"]
    with contextlib.ExitStack() as stack:
        started = {}
        for form, (parameters, flags) in FORMS.items():
            with contextlib.suppress(processes.Missing):  # told by `missing`
                get(port, False, parameters)
                settings = {**config(port, form, nodes, interval), **more}
                program = stack.enter_context(processes.prometheus(settings, *flags))
                started[form] = Server(program)
        yield started


def missing(collector: processes.Program) -> Iterator[Dict[str, Any]]:
    """Yield a row for each form that can't be measured here."""
    for form, (parameters, flags) in FORMS.items():
        try:
            get(collector.ports["http"], False, parameters)
            with processes.prometheus({}, *flags):
                pass
        except processes.Missing as error:
            yield {"case": "kept", "subject": form, "missing": str(error)}


def kept(collector: processes.Program, scrapes: int) -> Iterator[Dict[str, Any]]:
    """Yield what one node is in each form: a scrape, its series, and its bytes where it is kept.

    Scraped once a second. ``…_bytes`` are of one scrape, but those of the index, which are of all.
    """
    with sink() as port:
        write = [{"url": "http://127.0.0.1:%d/" % port, "send_native_histograms": True}]
        with servers(collector, 1, 1, remote_write=write) as found:
            for server in found.values():
                server.wait(COUNT, scrapes)
            for form, server in found.items():
                done = server.query(COUNT)
                block = server.block()
                sizes = [
                    statistics.median(
                        len(get(collector.ports["http"], packed, FORMS[form][0])[1])
                        for _ in range(5)
                    )
                    for packed in (False, True)
                ]
                yield {
                    "case": "kept",
                    "subject": form,
                    "scrapes": int(done),
                    "failed": int(server.query(COUNT + " - sum_over_time(up[1h])")),
                    "samples": int(server.query("scrape_samples_scraped")),
                    "series": int(server.own("prometheus_tsdb_head_series")),
                    "bytes": int(sizes[0]),
                    "gzip_bytes": int(sizes[1]),
                    "wal_bytes": round(size(server.data / "wal") / done),
                    "chunk_bytes": round(block["chunk_bytes"] / done),
                    "index_bytes": round(block["index_bytes"]),
                    "remote_write_bytes": round(
                        server.own("prometheus_remote_storage_bytes_total") / done
                    ),
                }


def fleet(
    collector: processes.Program, case: str, nodes: int, interval: int, seconds: float
) -> Iterator[Dict[str, Any]]:
    """Yield what Prometheus takes for so many nodes, from the second round of scrapes on."""
    with servers(collector, nodes, interval) as found:
        for server in found.values():
            server.wait("count(count_over_time(up[5m]) > 1)", nodes)
        before = {form: server.program.cpu() for form, server in found.items()}
        begin = time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - begin
        for form, server in found.items():
            cpu = server.program.cpu() - before[form]
            yield {
                "case": case,
                "subject": form,
                "nodes": nodes,
                "interval": interval,
                "failed": int(nodes - server.query("sum(up)")),
                "percent_of_a_core": round(100 * cpu / took, 2),
                "mib": round(server.program.memory(), 1),
                "series": int(server.own("prometheus_tsdb_head_series")),
                "samples_per_s": round(server.query("sum(scrape_samples_scraped)") / interval),
            }


def run(short: bool = False) -> Iterator[Dict[str, Any]]:
    """Yield all rows."""
    with plugged(1.0 if short else SETTLE) as collector:
        rows: List[Dict[str, Any]] = list(missing(collector))
        yield from rows
        if len(rows) < len(FORMS):
            yield from kept(collector, 3 if short else SCRAPES)
            for nodes, interval, seconds in [(2, 1, 2.0)] if short else FLEETS:
                yield from fleet(collector, "fleet", nodes, interval, seconds)
    if len(rows) < len(FORMS):
        with thousand() as collector:
            yield from fleet(collector, "thousand", 1, 1, 2.0 if short else 30.0)
