"""``examples/edge_controller.py`` for real: a collector, plugins, and what it says of them."""

import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.collector.harness import start
from waggle_live import LiveMetrics

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "edge_controller.py"
DEADLINE = 0.1


@contextmanager
def working(collector, task, latency, pause):
    """A plugin that does frame after frame in a thread."""
    over = threading.Event()
    live = LiveMetrics(address=collector.address, plugin_name="example", task=task)

    def work():
        while not over.is_set():
            with live.timer("inference"):
                time.sleep(latency)
            live.rate("fps").tick()
            time.sleep(pause)

    with live:
        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield live
        finally:
            over.set()
            thread.join()
            live.close()


def command(*arguments):
    return [sys.executable, str(EXAMPLE), "--deadline", str(DEADLINE), *arguments]


@pytest.mark.quiet
def test_it_says_whom_to_give_more_and_whom_to_throttle():
    """Each plugin is told of with its reason: too slow, too fast, waiting, ended, and the node."""
    with start() as collector:
        with working(collector, "slow", 0.15, 0.0), working(collector, "fast", 0.005, 0.01):
            with working(collector, "waits", 0.005, 0.4):
                with working(collector, "ends", 0.005, 0.05):
                    time.sleep(2)
                done = subprocess.run(
                    command(collector.url, "--for", "0.5"),
                    capture_output=True,
                    text=True,
                    timeout=60,
                    check=True,
                )
    said = {}
    for line in done.stdout.splitlines():
        action, _, reason = line.partition("  ")[2].partition(": ")
        said[action] = reason
    assert "over the deadline of 100.0 ms" in said["give more slow"]
    assert "10.0 would do" in said["throttle fast"]
    assert "its input is slow" in said["leave waits"]
    assert said["let go ends"] == "it has ended"
    assert said["read the node"] == "4 plugins"
    assert done.stderr == ""


def test_a_node_that_is_away_is_waited_for():
    """Nothing is decided by nothing, and once it is there it goes on."""
    done = subprocess.run(
        command("http://127.0.0.1:9", "--for", "1.5"),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    (line,) = done.stdout.splitlines()
    assert line.endswith("wait for the node: Connection refused")


@pytest.mark.parametrize("deadline", ["0", "-1", "nan"])
def test_a_deadline_is_more_than_nothing(deadline):
    """Else every plugin would miss it."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), "--deadline=" + deadline],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and "more than 0 s" in done.stderr
