"""A loop of real processes for tests: a plugin with a knob, its collector, and a controller.

Each can be killed and started again. The plugin writes what it did with each frame into a trace.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from tests.collector.harness import CollectorProcess
from tests.collector.web.orders import TOKEN, ask, entry
from tests.programs import free_port

ROOT = Path(__file__).resolve().parents[2]
TURNING = Path(__file__).parent / "workloads" / "turning.py"
#: Seconds that a lease of the controller lasts.
TTL = 2.0
#: Seconds after which a knob must be back at its default, behind the end of its lease.
LATE = 0.5
TASK, DEFAULT, CHOICES = "turning", 640, (160, 320, 640)
#: Seconds that a frame may take on average: one of 320 pixels takes less, and one of 640 more.
DEADLINE = 0.02
CONFIG = """
nodes: [{url: "%s", control_token_file: "%s"}]
ttl: %g
period: 0.6
listen: 127.0.0.1:0
deadlines:
  - {plugin_task: %s, timer: inference, mean_below: %g, knobs: [resolution]}
"""


class Frame(NamedTuple):
    """One line of the trace."""

    at: float
    pid: int
    value: int


class Part:
    """One process of the loop, and when it lived (monotonic)."""

    def __init__(self, start):
        self._start = start
        self.process = None
        #: Times of starts and ends, in turn.
        self.lived = []

    def start(self):
        """Start it (again)."""
        self.process = self._start()
        self.lived.append([time.monotonic(), None])

    def kill(self):
        """Kill it with -9."""
        self.process.kill()
        self.process.wait(30)
        self.lived[-1][1] = time.monotonic()

    @property
    def alive(self):
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None


class Loop:
    """The three processes in a directory. A context manager that ends them."""

    def __init__(self, directory, *, crashes_at=""):
        self.directory = Path(directory)
        self.trace_path = self.directory / "trace"
        self.trace_path.touch()
        self._load = self.directory / "load"
        self.load(1)
        token = self.directory / "token"
        token.write_text(TOKEN)
        port = free_port()
        self.url = "http://127.0.0.1:%d" % port
        self.collector_process = CollectorProcess(
            flags=["--web.listen-address=127.0.0.1:%d" % port, "--control.token-file=%s" % token]
        )
        self._crashes_at = str(crashes_at)
        self.plugin = Part(self._start_plugin)
        self.collector = Part(self._start_collector)
        self.controller = Part(self._start_controller)
        self.parts = {
            "plugin": self.plugin,
            "collector": self.collector,
            "controller": self.controller,
        }

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for part in self.parts.values():
            if part.alive:
                part.process.kill()
                part.process.wait(30)
        self.collector_process.__exit__()

    def start_collector(self):
        """Start the collector (again), and wait until its answers are whole."""
        self.collector.start()
        self.collector_process.wait_started()
        self.collector_process.wait_ready()

    def knows_knob(self):
        """Tell whether the collector knows the plugin's knob."""
        status, _, body = self.collector_process.get("/api/v1/knobs")
        return status == 200 and any(
            knob["name"] == "resolution" for knob in json.loads(body)["knobs"]
        )

    def quarantined(self):
        """Return the values in quarantine."""
        _, _, body = self.collector_process.get("/api/v1/quarantine")
        return {each["value"] for each in json.loads(body)["quarantined"]}

    def load(self, factor):
        """Have each frame take so many times as long from now on."""
        path = self.directory / "load.new"
        path.write_text(str(factor))
        path.rename(self._load)

    def trace(self, since=0.0):
        """Return the frames from a time on."""
        lines = self.trace_path.read_text().splitlines(keepends=True)
        frames = []
        for line in lines:
            if line.endswith("\n"):  # a killed plugin may leave half of one
                at, pid, value = line.split()
                frames.append(Frame(float(at), int(pid), int(value)))
        return [frame for frame in frames if frame.at >= since]

    def value(self):
        """Return the value that the newest frame had; None before the first."""
        frames = self.trace()
        return frames[-1].value if frames else None

    def put(self, holder, value, *, ttl=TTL, etag=None, name="resolution"):
        """State the whole will of a holder; return status, ETag and the answer to its entry."""
        body = {"ttl": ttl, "set": [entry(name, value, "turning", plugin_task=TASK)]}
        match = {"If_None_Match": "*"} if etag is None else {"If_Match": etag}
        path = "/api/v1/leases/" + holder
        status, headers, answer = ask(self.collector_process, "PUT", path, body, **match)
        assert status in (200, 201), answer
        return status, headers["ETag"], json.loads(answer)

    def _start_collector(self):
        self.collector_process.start_soon()
        return self.collector_process.process

    def _start_plugin(self):
        env = dict(os.environ, PYTHONPATH=str(ROOT), WAGGLE_LIVE_TASK=TASK)
        env["WAGGLE_LIVE_METRICS"] = self.collector_process.address
        command = [sys.executable, TURNING, self.trace_path, self._load, self._crashes_at]
        with open(self.directory / "plugin.log", "ab") as log:
            return subprocess.Popen(list(map(str, command)), env=env, stderr=log)

    def _start_controller(self):
        config = self.directory / "controller.yaml"
        config.write_text(CONFIG % (self.url, self.directory / "token", TTL, TASK, DEADLINE))
        command = [str(Path(sys.executable).with_name("waggle-live-controller")), "--act"]
        with open(self.directory / "controller.log", "ab") as log:
            return subprocess.Popen([*command, "--config=%s" % config], stdout=log, stderr=log)
