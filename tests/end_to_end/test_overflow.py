"""A real collector without room: what it refuses is added up, and every sum is exact."""

import subprocess
import sys

import pytest

from tests.collector.harness import CollectorProcess
from tests.waggle_live.helpers import environment

#: Records in so many series, each line of its input once more; then it ends.
PLUGIN = """
import sys
from waggle_live import LiveMetrics
live = LiveMetrics(plugin_name="large", task=sys.argv[1])
for line in sys.stdin:
    for number in range(900):
        kind, labels = number % 3, {"place": "%0200d" % number}
        if kind == 0:
            live.counter("c", **labels).inc(2)
        elif kind == 1:
            live.timer("t", **labels).observe(0.001 * (number + 1))
        else:
            live.rate("r", **labels).tick()
    if line.strip() == "flush":
        assert live.flush(20)
    if line.strip() == "close":
        live.close(timeout=20)  # the end of a process waits half a second, too little here
    print("done", flush=True)
"""
FAMILIES = ("waggle_count_total", "waggle_timer_seconds_count", "waggle_rate_events_total")


@pytest.fixture
def full():
    """A collector that has room for some hundred series, and no more."""
    with CollectorProcess(flags=["--limit.memory=48MiB"]).start() as process:
        yield process


def start(collector, task):
    """Start a plugin."""
    return subprocess.Popen(
        [sys.executable, "-c", PLUGIN, task],
        env=environment(collector.address),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        universal_newlines=True,
    )


def record(plugin, line):
    """Have a plugin record once in each of its series."""
    plugin.stdin.write(line + "\n")
    plugin.stdin.flush()
    assert plugin.stdout.readline() == "done\n"


def sums(collector, task):
    """Return the sums over all series of a task, by family."""
    scrape = collector.scrape()
    return [sum(value for _, value in scrape.all(name, plugin_task=task)) for name in FAMILIES]


def test_sums_are_exact_where_there_is_no_room(full):
    """While it goes on, after the collector was killed, and after the end; so for a second plugin,
    of one moment, that finds no room at all."""
    with start(full, "stays") as plugin:
        for times in range(1, 4):
            record(plugin, "flush")
            assert sums(full, "stays") == [600 * times, 300 * times, 300 * times]
        assert full.value("waggle_count_total", plugin_task="stays", name="__overflow__") > 0
        full.kill()
        full.start()
        record(plugin, "flush")
        assert sums(full, "stays") == [2400, 1200, 1200]
        record(plugin, "close")
    assert sums(full, "stays") == [3000, 1500, 1500]
    with start(full, "brief") as brief:
        record(brief, "close")
    assert sums(full, "brief") == [600, 300, 300]
