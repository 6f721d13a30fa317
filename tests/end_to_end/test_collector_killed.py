"""A collector that is killed with -9 again and again loses nothing, and nothing ever falls."""

import os
import random
import subprocess
import threading
import time
import urllib.error

import pytest

from tests.collector.harness import Scrape
from tests.end_to_end.workload import expected, recorded, start

#: The issue's hundred is `make soak`; here as many as a test suite has time for.
KILLS = int(os.environ.get("WAGGLE_LIVE_KILLS", "12"))
CUMULATIVE = ("_total", "_count", "_sum", "_bucket")


class Watcher(threading.Thread):
    """Scrapes as often as it can and notes every counter that is lower than it once was."""

    def __init__(self, collector):
        super().__init__()
        self._collector = collector
        self.ended = threading.Event()
        self.highest = {}
        self.fallen = []
        self.scrapes = 0

    def run(self):
        while not self.ended.is_set():
            try:
                status, _, body = self._collector.get("/metrics", timeout=5)
            except (OSError, urllib.error.URLError):
                time.sleep(0.01)
                continue
            if status == 200:
                self.look(Scrape(body.decode()))
            time.sleep(0.02)

    def look(self, scrape):
        self.scrapes += 1
        shown = {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in scrape
            for sample in family.samples
            if sample.name.startswith("waggle_")
            and sample.name.endswith(CUMULATIVE)
            and not sample.name.startswith("waggle_collector_")
        }
        for key, highest in self.highest.items():
            if shown.get(key, -1) < highest:
                self.fallen.append((key, highest, shown.get(key)))
        self.highest.update(shown)


@pytest.mark.parametrize("seconds", [0, 0.4], ids=["one-process", "many-short-ones"])
def test_counts_stay_exact_and_never_fall_over_kills(own_collector, seconds):
    """Four plugins record in two threads each while the collector dies at random moments."""
    random.seed(2026)
    tasks = ["task%d" % number for number in range(4)]
    plugins = [
        start("steady", seconds, address=own_collector.address, task=task, stdin=subprocess.PIPE)
        for task in tasks
    ]
    watcher = Watcher(own_collector)
    watcher.start()
    try:
        for _ in range(KILLS):
            time.sleep(random.uniform(0.1, 1.5))
            own_collector.kill()
            own_collector.start(wait_ready=False)
        own_collector.wait_ready()
        for plugin in plugins:
            plugin.stdin.close()
            plugin.stdin = None
        truth = {}
        for task, plugin in zip(tasks, plugins):
            out, err = plugin.communicate(timeout=60)
            assert plugin.returncode == 0, err
            truth[task] = int(out)
        watcher.look(own_collector.scrape())
    finally:
        watcher.ended.set()
        watcher.join()
        for plugin in plugins:
            plugin.kill()
            plugin.communicate()
    assert watcher.fallen == []
    assert watcher.scrapes > KILLS
    for task in tasks:
        assert truth[task] > 0
        assert recorded(own_collector.scrape(), task) == expected(truth[task])
