"""A collector that is killed with -9 again and again loses nothing, and nothing ever falls."""

import http.client
import os
import random
import re
import subprocess
import threading
import time

import pytest

from tests.collector.harness import CollectorProcess, wait_until
from tests.end_to_end.workload import expected, recorded, start, wait_equal
from tests.programs import free_port
from tests.prometheus import Prometheus

#: `make soak` kills a hundred times; here as often as a test suite has time for.
KILLS = int(os.environ.get("WAGGLE_LIVE_KILLS", "10"))
#: The series of each counter of plugins, and its value.
COUNTER = re.compile(
    rb"^(waggle_(?!collector_)\w+_(?:total|count|sum|bucket)(?:{.*})?) (\S+)$", re.MULTILINE
)


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
            except (OSError, http.client.HTTPException):  # killed in the middle of an answer
                time.sleep(0.01)
                continue
            if status == 200:
                self.look(body)
            time.sleep(0.02)

    def look(self, body):
        self.scrapes += 1
        shown = {series: float(value) for series, value in COUNTER.findall(body)}
        for key, highest in self.highest.items():
            if shown.get(key, -1) < highest:
                self.fallen.append((key, highest, shown.get(key)))
        self.highest.update(shown)


@pytest.fixture()
def collector_at_a_port():
    """A ready collector whose port stays over restarts, for a Prometheus to scrape."""
    flag = "--web.listen-address=127.0.0.1:%d" % free_port()
    with CollectorProcess(flags=[flag]).start() as process:
        yield process


@pytest.mark.parametrize("seconds", [0, 0.4], ids=["one-process", "many-short-ones"])
def test_counts_stay_exact_and_never_fall_over_kills(collector_at_a_port, tmp_path, seconds):
    """Four plugins record in two threads each while the collector dies at random moments.

    A real Prometheus that scrapes all the while has in ``increase()`` what was recorded.
    """
    collector = collector_at_a_port
    random.seed(2026)
    tasks = ["task%d" % number for number in range(4)]
    target = collector.url.rpartition("/")[2]
    job = {"job_name": "node", "scrape_interval": "200ms", "scrape_timeout": "200ms"}
    job["static_configs"] = [{"targets": [target]}]
    with Prometheus(tmp_path, [job]) as prometheus:
        plugins = [
            start("steady", seconds, address=collector.address, task=task, stdin=subprocess.PIPE)
            for task in tasks
        ]
        watcher = Watcher(collector)
        watcher.start()
        try:
            wait_until(lambda: watcher.scrapes)
            for _ in range(KILLS):
                time.sleep(random.uniform(0.1, 1.5))
                collector.kill()
                collector.start(wait_ready=False)
            collector.wait_ready()
            for plugin in plugins:
                plugin.stdin.close()
                plugin.stdin = None
            truth = {}
            for task, plugin in zip(tasks, plugins):
                out, err = plugin.communicate(timeout=60)
                assert plugin.returncode == 0, err
                truth[task] = int(out)
            watcher.ended.set()
            watcher.join()  # what it asked for before this scrape may be older
            watcher.look(collector.get("/metrics")[2])
        finally:
            watcher.ended.set()
            watcher.join()
            for plugin in plugins:
                plugin.kill()
                plugin.communicate()
        assert watcher.fallen == []
        assert len(watcher.highest) > 100
        for task in tasks:
            assert truth[task] > 0
            wait_equal(lambda task=task: recorded(collector.scrape(), task), expected(truth[task]))
            assert increases(prometheus, task) == expected_increases(truth[task])


def increases(prometheus, task):
    """Return for each counter of a task ``increase()`` over all its samples, and what it was
    at the first of them, once Prometheus has scraped after the end."""
    ended = time.time()
    found = {}
    for name in ("waggle_timer_seconds_count", "waggle_rate_events_total", "waggle_count_total"):
        series = '%s{plugin_task="%s"}' % (name, task)
        wait_until(lambda series=series: newest(prometheus, series) > ended)
        for result in prometheus.query(series + "[1h]"):
            (first, value), (last, _) = result["values"][0], result["values"][-1]
            # Over exactly the time between two samples increase() has nothing to extrapolate.
            window = "%s[%dms]" % (series, round((last - first) * 1000))
            (increase,) = (
                float(other["value"][1])
                for other in prometheus.query("increase(%s)" % window, at=last)
                if other["metric"]["name"] == result["metric"]["name"]
            )
            found[name, result["metric"]["name"]] = round(increase + float(value), 6)
    return found


def newest(prometheus, series):
    """Return the time of the newest sample of some series."""
    found = prometheus.query("max(timestamp(%s))" % series)
    return float(found[0]["value"][1]) if found else 0.0


def expected_increases(recordings):
    """Return what ``increases`` gives after so many recordings."""
    return {
        (name, dict(labels)["name"]): value
        for (name, labels), value in expected(recordings).items()
        if name in ("waggle_timer_seconds_count", "waggle_rate_events_total", "waggle_count_total")
    }
