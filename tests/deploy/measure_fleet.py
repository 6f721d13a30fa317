"""The figures of docs/fleet.md: what a node of ten plugins costs those who keep its metrics.

    python -m tests.deploy.measure_fleet --nodes 100 --seconds 480

A collector, ten plugins, a Prometheus that scrapes the collector once a second as so many nodes,
and a VictoriaMetrics that it writes to. 480 scrapes are what a block of Prometheus' TSDB, which is
two hours, has at an interval of 15 s. Needs Debian's prometheus and victoria-metrics. Prints one
JSON object.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.collector.harness import start, wait_until
from tests.prometheus import Prometheus, VictoriaMetrics

ROOT = Path(__file__).parents[2]
PLUGINS = 10


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--nodes", type=int, default=1, help="as how many nodes to scrape it")
    options.add_argument("--seconds", type=int, default=480, help="how long to scrape")
    options.add_argument("--interval", type=int, default=1, help="seconds between scrapes")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as directory, start() as collector:
        plugins = [plugin(number, collector) for number in range(PLUGINS)]
        try:
            wait_until(lambda: collector.scrape().sum("waggle_plugin_up") == PLUGINS)
            time.sleep(12)  # until all recent values are there
            figures = {**scrape_sizes(collector), **vars(chosen)}
            figures.update(stored(Path(directory), collector, chosen))
        finally:
            for process in plugins:
                process.stdin.close()
                process.wait()
    print(json.dumps(figures, indent=2))


def plugin(number, collector):
    """Start one of the plugins."""
    command = [sys.executable, str(Path(__file__).with_name("ten_plugins.py")), str(number)]
    env = {"WAGGLE_LIVE_METRICS": collector.address, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=env, stdin=subprocess.PIPE)


def scrape_sizes(collector):
    """Return what one scrape is: samples, families, bytes."""
    _, _, plain = collector.get("/metrics")
    _, _, packed = collector.get("/metrics", {"Accept-Encoding": "gzip"})
    lines = plain.decode().splitlines()
    samples = [line for line in lines if not line.startswith("#")]
    own = [line for line in samples if line.startswith("waggle_collector")]
    return {
        "scrape_samples": len(samples),
        "scrape_samples_of_the_collector": len(own),
        "scrape_samples_of_histograms": sum("_bucket{" in line for line in samples),
        "scrape_bytes": len(plain),
        "scrape_bytes_gzip": len(packed),
    }


def stored(directory, collector, chosen):
    """Return what the servers took for what they were sent."""
    address = collector.url.rpartition("/")[2]
    targets = [
        {"targets": [address], "labels": {**node(number), "instance": "node-%05d:9090" % number}}
        for number in range(chosen.nodes)
    ]
    job = {"job_name": "waggle-live", "static_configs": targets}
    job.update(scrape_interval="%ds" % chosen.interval, scrape_timeout="%ds" % chosen.interval)
    flags = ["--web.enable-admin-api"]
    with VictoriaMetrics(directory) as victoria:
        more = {"remote_write": [{"url": victoria.write_url}]}
        with Prometheus(directory, [job], more, flags) as prometheus:
            time.sleep(chosen.seconds)
            figures = {
                **cost("prometheus", prometheus),
                "head_series": prometheus.own("prometheus_tsdb_head_series"),
                "samples": prometheus.own("prometheus_tsdb_head_samples_appended_total"),
                "failed_scrapes": chosen.nodes - (prometheus.value("sum(up)") or 0),
                "wal_bytes": size(directory / "tsdb" / "wal"),
                "remote_write_samples": prometheus.own("prometheus_remote_storage_samples_total"),
                "remote_write_bytes": prometheus.own("prometheus_remote_storage_bytes_total"),
                "remote_write_metadata_bytes": prometheus.own(
                    "prometheus_remote_storage_metadata_bytes_total"
                ),
                **cost("victoria_metrics", victoria),
            }
            prometheus.get("/api/v1/admin/tsdb/snapshot", data=b"")
        (block,) = (directory / "tsdb" / "snapshots").glob("*/*/meta.json")
        stats = json.loads(block.read_text())["stats"]
        figures.update(
            block_samples=stats["numSamples"],
            block_series=stats["numSeries"],
            block_chunk_bytes=size(block.parent / "chunks"),
            block_index_bytes=(block.parent / "index").stat().st_size,
        )
        victoria.get("/internal/force_flush")
        victoria.get("/internal/force_merge")
        time.sleep(5)
        figures["victoria_metrics_rows"] = victoria.own("vm_rows", type="storage/small")
        figures["victoria_metrics_rows"] += victoria.own("vm_rows", type="storage/big")
        figures["victoria_metrics_bytes"] = size(directory / "victoria-metrics")
    return figures


def node(number):
    """Return the target labels of a node."""
    return {"node_id": "%016x" % (0x48B02D000000 + number), "vsn": "W%05d" % number}


def cost(name, server):
    """Return memory and CPU time of a server up to now."""
    return {
        name + "_resident_bytes": server.own("process_resident_memory_bytes"),
        name + "_cpu_seconds": server.own("process_cpu_seconds_total"),
    }


def size(path):
    """Return the bytes of all files below a directory."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


if __name__ == "__main__":
    main()
