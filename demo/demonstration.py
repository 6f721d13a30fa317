"""One run of the demonstration: starts the collector and the plugins, and shows them."""

from __future__ import annotations

import argparse
import math
import os
import shlex
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from waggle_live.wire.places import fits
from waggle_live_controller import Fleet, Node, NodeError, PluginReading
from waggle_live_controller.top.loop import Top

from .errors import DemoError
from .processes import Children

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "plugin-example"
#: Seconds until the collector must be ready, and until each plugin must have said something.
READY_WITHIN, REPORT_WITHIN = 20.0, 60.0
#: Seconds between two looks for a signal, or for what the plugins have said.
STEP = 0.1


class Demo:
    """One run of the demonstration in a directory of its own."""

    #: The plugins by their tasks: two copies of one, with other arguments. The second camera is
    #: slower, so that there is a difference to see.
    tasks: Mapping[str, Sequence[str]] = {
        "bikes-left": ("--fps", "25"),
        "bikes-right": ("--fps", "15"),
    }
    #: Further flags of the collector.
    flags: tuple[str, ...] = ()
    #: What the plugins have in their environment besides: the sampler is on.
    environment: Mapping[str, str] = {"WAGGLE_LIVE_PROFILE": "50"}
    says = "Two plugins watch a video and report live"

    def __init__(self, directory: Path, options: argparse.Namespace) -> None:
        self._directory = directory
        self._options = options
        self._url = f"http://127.0.0.1:{options.port}"
        self._node = Node(self._url)
        self._socket = socket_path(directory, options.port)
        self._signals: list[int] = []

    def run(self) -> int:
        """Run to the end of the time or to a signal; returns the exit status."""
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Only noted, since an exception could come between the start of a child and the
            # noting of it, and leave the child behind.
            signal.signal(signum, lambda number, frame: self._signals.append(number))
        try:
            with Children(self._directory) as children:
                print("Starting the collector and two plugins.", flush=True)
                self._start_collector(children)
                if not self._signals:
                    self._start_plugins(children)
                self._show(children)
        finally:
            self._socket.unlink(missing_ok=True)  # a collector that was killed leaves it
        # Ctrl-C is how the demonstration is meant to be ended.
        last = self._signals[0] if self._signals else signal.SIGINT
        return 0 if last == signal.SIGINT else 128 + last

    def _start_collector(self, children: Children) -> None:
        command = [sys.executable, "-m", "waggle_live_collector"]
        command.append(f"--socket.path={self._socket}")
        command.append(f"--state.file={self._directory / 'state'}")
        command += [f"--web.listen-address=127.0.0.1:{self._options.port}", *self.flags]
        children.start("collector", command, os.environ)
        # It answers 503 for up to 2 s, while it waits for plugins of an earlier run.
        deadline = time.monotonic() + READY_WITHIN
        while not self._signals:
            try:
                self._node.poll()
            except NodeError as error:
                children.check()
                if time.monotonic() > deadline:
                    text = f"the collector was not ready within {READY_WITHIN:.0f} s: {error.text}"
                    raise DemoError(text) from error
                time.sleep(STEP)
            else:
                return

    def _start_plugins(self, children: Children) -> None:
        environ = dict(os.environ)
        environ.pop("WAGGLE_APP_ID", None)
        environ["WAGGLE_LIVE_METRICS"] = f"unix://{self._socket}"
        environ.update(self.environment)
        for task, arguments in self.tasks.items():
            environ["WAGGLE_LIVE_TASK"] = task
            environ["PYWAGGLE_LOG_DIR"] = str(self._directory / task)
            command = [sys.executable, str(EXAMPLE / "main.py"), "--clip", self._options.clip]
            children.start(task, [*map(str, command), *arguments], environ)

    def _show(self, children: Children) -> None:
        deadline = time.monotonic() + REPORT_WITHIN
        while not self._signals:
            children.check()
            silent = self._silent()
            if not silent:
                break
            if time.monotonic() > deadline:
                text = f"nothing came from {', '.join(silent)} in {REPORT_WITHIN:.0f} s."
                raise DemoError(f"{text} {children.tail(silent[0])}")
            time.sleep(STEP)
        self._prepare(children)
        # From now on, so that a slow start doesn't eat up the time that was asked for.
        end = time.monotonic() + self._options.seconds

        def stop() -> bool:
            children.check()
            self._go_on(children, top)
            return bool(self._signals) or time.monotonic() >= end

        if not self._signals:
            with Fleet([self._node]) as fleet:
                top = Top(fleet=fleet, console=Console(), title=self._title())
                top.run(stop)
            self._conclude()

    def _prepare(self, children: Children) -> None:
        """Do what comes before the view."""

    def _go_on(self, children: Children, top: Top) -> None:
        """Do what is due while the view is shown; called several times a second."""

    def _conclude(self) -> None:
        """Print what stands below the last view."""

    def _silent(self) -> list[str]:
        try:
            plugins = self._node.poll().plugins
        except NodeError:
            return list(self.tasks)
        return [task for task in self.tasks if task not in plugins or not _reported(plugins[task])]

    def _title(self) -> list[str]:
        seconds: float = self._options.seconds
        ends = "Ctrl-C ends it" if seconds == math.inf else f"it ends after {seconds:g} s"
        return [
            f"{self.says}; {ends}.",
            f"Page             {self._url}/",
            f"Prometheus text  {self._url}/metrics",
            f"JSON             {self._url}/api/v1/plugins",
            "A script of yours joins in after this line in its terminal:",
            f"export WAGGLE_LIVE_METRICS={shlex.quote(f'unix://{self._socket}')}",
            "",
        ]


def socket_path(directory: Path, port: int) -> Path:
    """Return where the collector's socket stands: the same one each time, so that an ``export`` of
    it stays right. Where the user has no home that can be written, it stands in ``directory``.
    """
    home = Path(os.path.expanduser("~"))
    path = home / ".waggle" / f"demo-{port}.sock"
    may_write = os.access(path.parent if path.parent.exists() else home, os.W_OK | os.X_OK)
    return path if may_write and fits(str(path)) else directory / "live_metrics.sock"


def _reported(plugin: PluginReading) -> bool:
    """Tell whether it has measured anything; what is only declared is no report."""
    return any(timer.count for timer in plugin.timers.values()) and any(
        rate.total for rate in plugin.rates.values()
    )
