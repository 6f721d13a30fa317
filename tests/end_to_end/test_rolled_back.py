"""A collector is upgraded, rolled back and upgraded again, under plugins that live and that end."""

import subprocess
import sys

import pytest

from tests.collector.harness import CollectorProcess, wait_until
from tests.generations import TODAY, generation

#: Counts as often as it is told to, and says so once the collector has it.
PLUGIN = """
import sys
from waggle_live import LiveMetrics
live = LiveMetrics(plugin_name="plugin", task=sys.argv[1])
with live:
    for line in sys.stdin:
        for _ in range(int(line)):
            with live.timer("block"):
                live.counter("done").inc()
        while not live.flush(1):
            pass
        print("done", flush=True)
    live.close(timeout=10)
"""


class Plugin:
    """A plugin of a task, which counts when it is told to."""

    def __init__(self, collector, client, task):
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", PLUGIN, task],
            env=dict(client.environment, WAGGLE_LIVE_METRICS=collector.address),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def count(self, times):
        """Count so often; returns when the collector has it."""
        self._process.stdin.write("%d\n" % times)
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"

    def end(self):
        """End well."""
        self._process.communicate(timeout=60)
        assert self._process.returncode == 0


@pytest.mark.parametrize(
    ("first", "second"), [(TODAY, "without-knobs"), ("coarse", TODAY), ("first", TODAY)]
)
def test_no_counter_falls(tmp_path, first, second):
    """Two collectors in turn: all counters go on, those of ended plugins and of a killed one too.

    Each change is an end by SIGTERM or a kill. A file of format 1 is read, and not gone back to.
    """
    older, newer = generation(first, tmp_path), generation(second, tmp_path)
    turns = [newer, older, newer] if first == TODAY else [newer]
    client = generation(TODAY, tmp_path)
    with CollectorProcess(process=older.process).start() as collector:
        lives = Plugin(collector, client, "lives")
        counted = {"lives": 0, "ends": 0}
        for turn, after in enumerate([*turns, None]):
            ends = Plugin(collector, client, "ends")
            for task, plugin in (("lives", lives), ("ends", ends)):
                plugin.count(turn + 1)
                counted[task] += turn + 1
            ends.end()
            for task, times in counted.items():
                for family in ("waggle_count_total", "waggle_timer_seconds_count"):
                    assert collector.value(family, plugin_task=task) == times
            exits = collector.value("waggle_plugin_exits_total", plugin_task="ends", status="ok")
            assert exits == turn + 1
            assert collector.value("waggle_plugin_up", plugin_task="lives") == 1
            if after is not None:
                collector.kill() if turn % 2 else collector.terminate()
                collector.popen_arguments = after.process
                collector.start()
                scrape = collector.scrape()
                for task, times in counted.items():
                    assert scrape.value("waggle_count_total", plugin_task=task) >= times
        lives.end()
        wait_until(lambda: collector.value("waggle_plugin_up", plugin_task="lives") == 0)
        assert collector.value("waggle_count_total", plugin_task="lives") == counted["lives"]
        assert [line for line in collector.log().splitlines() if " ERROR " in line] == []
