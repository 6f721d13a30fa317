"""``make demo-control``: two plugins share a core with a load that comes and goes.

In the first half of each period the deadline is only watched. In the second half a controller holds
it, by the knobs that the plugins offer.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from waggle_live_controller import Node, NodeError
from waggle_live_controller.top.loop import Top

from .demonstration import Demo
from .processes import Child, Children
from .score import Moment, Score, moment, percent

#: Seconds of a period where the run has no end.
PERIOD = 60.0
#: Seconds that a frame may take on average. A frame comes each 40 ms, and something is to be left.
DEADLINE = 0.03
#: Processes of the load.
HOGS = 5
HOG = "while True: pass"
#: Lines of what the controller did that are printed at the end.
CHANGES = 12
#: Seconds between two looks at the deadline.
LOOK = 0.5
#: The plugin whose deadline is told of, and the timer that must meet it.
WATCHED, TIMER = "bikes-left", "inference"

#: What the controller is told: both plugins are to keep to the deadline, by their resolution.
CONFIG = """\
nodes:
  - url: {url}
    control_token_file: {token}
deadlines:
  - {{plugin_task: bikes-left, timer: inference, mean_below: {below}, knobs: [resolution]}}
  - {{plugin_task: bikes-right, timer: inference, mean_below: {below}, knobs: [resolution]}}
listen: 127.0.0.1:0
"""


class ControlDemo(Demo):
    """One run, with a table of what happened at its end."""

    tasks: Mapping[str, Sequence[str]] = {
        "bikes-left": ("--fps", "25", "--resolution", "640"),
        "bikes-right": ("--fps", "15", "--resolution", "640"),
    }
    environment: Mapping[str, str] = {}
    says = "Two plugins share a core with a load that comes and goes"

    def __init__(self, directory: Path, options: argparse.Namespace) -> None:
        super().__init__(directory, options)
        self._token = directory / "control-token"
        self._token.touch(0o600)
        self._token.write_text(secrets.token_urlsafe())
        self.flags = (f"--control.token-file={self._token}",)
        self._looking = Node(self._url)
        self._period = min(options.seconds, PERIOD)
        self._happens = Moment(acting=False, loaded=False)
        self._hogs: list[Child] = []
        self._controller: Child | None = None
        self._score = Score(DEADLINE)
        self._latest = Look(0.0, 0, 0.0)

    def _start_plugins(self, children: Children) -> None:
        with one_core():
            super()._start_plugins(children)

    def _prepare(self, children: Children) -> None:
        self._begin = time.monotonic()
        self._latest = self._look()

    def _go_on(self, children: Children, top: Top) -> None:
        if time.monotonic() >= self._latest.at + LOOK:
            before, self._latest = self._latest, self._look()
            at, frames, spent = before
            self._score.add(
                self._happens,
                seconds=self._latest.at - at,
                frames=self._latest.frames - frames,
                spent=self._latest.spent - spent,
            )
            top.show_above(self._title())
        happens = moment(time.monotonic() - self._begin, self._period)
        if happens != self._happens:
            self._happens = happens
            self._load(children, happens.loaded)
            self._act(children, happens.acting)

    def _load(self, children: Children, wanted: bool) -> None:
        """Begin or end the load."""
        while self._hogs and not wanted:
            children.end(self._hogs.pop())
        with one_core():
            while len(self._hogs) < HOGS and wanted:
                command = [sys.executable, "-c", HOG]
                self._hogs.append(children.start(f"load-{len(self._hogs)}", command, os.environ))

    def _act(self, children: Children, wanted: bool) -> None:
        """Start or end the controller."""
        if self._controller is not None and not wanted:
            children.end(self._controller)
            self._controller = None
        elif self._controller is None and wanted:
            config = self._directory / "controller.yaml"
            config.write_text(CONFIG.format(url=self._url, token=self._token, below=DEADLINE))
            command = [str(Path(sys.executable).with_name("waggle-live-controller"))]
            command += [f"--config={config}", "--act"]
            self._controller = children.start("controller", command, os.environ)

    def _look(self) -> Look:
        """Return what the watched timer has counted; nothing new if the node doesn't answer."""
        try:
            timer = self._looking.poll().plugins[WATCHED].timers[TIMER]
        except (NodeError, LookupError):
            return self._latest._replace(at=time.monotonic())
        return Look(time.monotonic(), timer.count, timer.sum)

    def _title(self) -> list[str]:
        acting = "a controller holds the deadline" if self._happens.acting else "nobody acts"
        load = f"{HOGS} processes of load are there" if self._happens.loaded else "no load"
        met = [self._score.of(acting=each).share for each in (False, True)]
        return [
            *super()._title()[:-1],
            f"Deadline         {TIMER} of {WATCHED} below {1000 * DEADLINE:.0f} ms on average",
            f"Met              {percent(met[0])} of the time without a controller,"
            f" {percent(met[1])} with one",
            f"Now              {acting}, {load}",
            "",
        ]

    def _conclude(self) -> None:
        log = self._directory / "controller.log"
        did = log.read_text(errors="replace").splitlines()[-CHANGES:] if log.exists() else []
        what = ["", "What the controller did:", *("  " + line for line in did)] if did else []
        print("\n".join([*what, "", *self._score.lines()]))


class Look(NamedTuple):
    """What the timer has counted until a time (monotonic): frames, and seconds that they took."""

    at: float
    frames: int
    spent: float


@contextmanager
def one_core() -> Iterator[None]:
    """Start processes on the last of our cores: they have to share it, on any machine."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
