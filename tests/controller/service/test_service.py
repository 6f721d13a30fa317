"""``waggle-live-controller`` for real: a collector, a plugin with a knob, and the command."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.controller.test_leases import TOKEN, collector, eventually  # noqa: F401
from waggle_live import LiveMetrics

COMMAND = str(Path(sys.executable).with_name("waggle-live-controller"))
CONFIG = """\
listen: 127.0.0.1:0
ttl: 3
period: 0.5
nodes:
  - url: %(url)s
    control_token_file: %(token)s
%(more)s
deadlines:
  - plugin_task: detect
    timer: inference
    %(statistic)s: 0.05
    knobs: [resolution]
%(rate)s
"""


class Service:
    """The command, and what it said."""

    def __init__(self, path, *flags):
        self.process = subprocess.Popen(
            [COMMAND, "--config=%s" % path, *flags], stderr=subprocess.PIPE, text=True
        )
        self.said = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.said += line

    def metrics(self):
        """Return its own metrics."""
        url = re.search(r"http://\S+", self.said).group()
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()

    def end(self, how=signal.SIGTERM):
        """End it; returns its status."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        status = self.process.wait(30)
        self._reader.join()
        self.process.stderr.close()
        return status


@contextmanager
def working(collector, clock=time.monotonic):  # noqa: F811
    """A plugin whose frames take as long, by a clock, as its knob and the load say."""
    live = LiveMetrics(address=collector.address, plugin_name="example", task="detect")
    knob = live.knob("resolution", default=1080, choices=[360, 720, 1080], cost=[1, 4, 9])
    load, over = [1.0], threading.Event()

    def work():
        while not over.is_set():
            with live.timer("inference"):
                end = clock() + 0.02 * load[0] * {360: 1, 720: 4, 1080: 9}[knob.value] / 9
                while clock() < end:
                    time.sleep(0.0 if clock is time.thread_time else 0.001)
            time.sleep(0.005)

    thread = threading.Thread(target=work)
    with live:
        thread.start()
        try:
            yield knob, load
        finally:
            over.set()
            thread.join()
            live.close()


@pytest.fixture
def service(collector, tmp_path):  # noqa: F811
    """Start the command with a configuration of these values; ended afterwards."""
    made = []

    def make(*flags, statistic="mean_below", more="", rate=""):
        path = tmp_path / "controller.yaml"
        values = {"url": collector.url, "token": tmp_path / "token", "statistic": statistic}
        path.write_text(CONFIG % {**values, "more": more, "rate": rate}, encoding="utf-8")
        made.append(Service(path, *flags))
        return made[-1]

    yield make
    for each in made:
        each.end(signal.SIGKILL)


@pytest.mark.quiet
@pytest.mark.parametrize(
    ("clock", "options"),
    [
        (time.monotonic, {}),
        (time.monotonic, {"statistic": "p95_below"}),
        (time.thread_time, {"more": "    cores: 0.7", "rate": "    rate: 20\n    priority: 3"}),
    ],
    ids=["mean", "p95", "shared"],
)
def test_it_holds_a_deadline(collector, service, clock, options):  # noqa: F811
    """It turns the knob down when a load comes, up when it goes, and lets go at its end."""
    with working(collector, clock) as (knob, load):
        it = service("--act", **options)
        eventually(lambda: "metrics are at" in it.said)
        load[0] = 5.0
        eventually(lambda: knob.value != 1080, 40)
        if clock is time.monotonic:  # CPU time that others take is not ours to give back
            load[0] = 1.0
            eventually(lambda: knob.value == 1080, 60)
            load[0] = 5.0
            eventually(lambda: knob.value != 1080, 40)
        text = it.metrics()
        assert 'waggle_controller_changes_total{direction="down"' in text
        assert "waggle_controller_acting 1.0" in text
        assert it.end() == 0
        eventually(lambda: knob.value == 1080, 2)
        assert "released" in it.said and "Traceback" not in it.said
        assert TOKEN not in it.said


@pytest.mark.quiet
def test_without_act_it_only_says_so(collector, service):  # noqa: F811
    """What it would do stands in the log once, and nothing is turned."""
    with working(collector) as (knob, load):
        load[0] = 5.0
        it = service()
        eventually(lambda: "would set" in it.said)
        time.sleep(2)
        assert knob.value == 1080
        assert "waggle_controller_acting 0.0" in it.metrics()
        assert it.end() == 0
        would = re.findall(r"would set (resolution=\d+)", it.said)
        assert would and len(would) == len(set(would))


@pytest.mark.quiet
def test_killed_it_leaves_nothing(collector, service):  # noqa: F811
    """The leases of one that was killed end after their time."""
    with working(collector) as (knob, load):
        load[0] = 5.0
        it = service("--act")
        eventually(lambda: knob.value != 1080)
        it.end(signal.SIGKILL)
        killed = time.monotonic()
        eventually(lambda: knob.value == 1080)
        assert time.monotonic() - killed <= 3.0 + 2.0


def test_it_waits_for_what_is_not_there(collector, service):  # noqa: F811
    """No such plugin, and no node: said once, and it goes on."""
    it = service("--act")
    eventually(lambda: "no plugin with the task detect" in it.said)
    collector.kill()
    eventually(lambda: "Connection refused" in it.said)
    time.sleep(1.5)
    assert it.said.count("Connection refused") == 1
    assert it.end() == 0 and "Traceback" not in it.said


def test_it_ends_though_it_was_stopped_when_it_was_told_to(service):
    """Any of its threads may take the signal then, once the process goes on."""
    nodes = ["  - url: http://127.0.0.%d:9" % number for number in range(2, 12)]
    it = service(more="\n".join(nodes))
    eventually(lambda: it.said.count("Connection refused") == len(nodes))
    it.process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, it.process.pid, os.WSTOPPED | os.WNOWAIT)
    it.process.send_signal(signal.SIGTERM)
    assert it.end(signal.SIGCONT) == 0


def test_a_file_that_is_none(tmp_path):
    """The status is 2, with one line."""
    done = subprocess.run(
        [COMMAND, "--config=%s" % (tmp_path / "none.yaml")],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.endswith("none.yaml: No such file or directory\n")
    assert os.linesep not in done.stderr[:-1]
