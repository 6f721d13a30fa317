"""How long a number takes from ``stop()`` in a plugin until a scraper sees it on ``/metrics``."""

import contextlib
import os
import random
import re
import statistics
import time
from typing import Any, Dict, Iterator

from . import processes
from .scrape import get

SAMPLES = 60


def run(short: bool = False) -> Iterator[Dict[str, Any]]:
    """Yield one row; both clocks are this machine's, and scrapes follow each other at once."""
    with processes.ours() as collector:
        from waggle_live import LiveMetrics

        address = "unix://%s/socket" % collector.directory
        took, scrapes = [], []
        with contextlib.closing(LiveMetrics(plugin_name="bench", address=address)) as live:
            live.timer("block").start().stop()
            live.flush(5)
            for sample in range(2, (5 if short else SAMPLES) + 2):
                time.sleep(random.uniform(0.0, 0.3))
                live.timer("block").start().stop()
                begin = time.perf_counter()
                pattern = re.compile(rb'waggle_timer_seconds_count\{[^}]*name="block"[^}]*\} (\d+)')
                while True:
                    scrape, body = get(collector.ports["http"], packed=False)
                    scrapes.append(scrape)
                    found = pattern.search(body)
                    if found and int(found.group(1)) >= sample:
                        break
                took.append(time.perf_counter() - begin)
    took.sort()
    yield {
        "case": "visible",
        "subject": "ours",
        "median_s": round(statistics.median(took), 3),
        "p99_s": round(took[int(0.99 * len(took))], 3),
        "max_s": round(took[-1], 3),
        "one_scrape_ms": round(statistics.median(scrapes) * 1e3, 2),
        "cpus": os.cpu_count(),
    }
