"""A month of a node, a day in a moment: jobs of cron, restarts, upgrades, a clock that is set, a
full disk.

Each job is an identity that runs again and again, each time as another pod. One job runs each
week, so that it has left the table in between. One plugin stays for the whole month.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.collector.harness import wait_until

from .processes import MIB, PROGRAMS, descriptors, finish, resident, start, threads
from .short_life import live_once

#: Seconds that a job's counts are kept after its end.
HOLD_SECONDS = 1.5
WEEK = 7
DAILY = ("hourly-a", "hourly-b", "hourly-c")
RUNS = 4
WEEKLY = "weekly"
#: Days of the week on which a real plugin runs, and after which the collector is restarted.
PLUGIN_DAYS = (0, 5)
RESTART_DAYS = (1, 4)
#: What a collector may say of a day in which its state could not be written.
EXPECTED = ("can't write state file", "is written again", "could not be saved", "(not_saved)")


class Figures(NamedTuple):
    """What a node takes on one day, once all is quiet."""

    memory: int
    descriptors: int
    threads: int
    state: int
    series: int
    plugin_memory: int
    plugin_descriptors: int


class Disk:
    """A small disk for the state file, to be filled. Without the right to mount, a directory that
    is taken away."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(self.directory)]
        self._is_mounted = not subprocess.run(mount, capture_output=True, check=False).returncode
        self._away = self.directory.with_name("away")

    def fill(self):
        """Leave no room on it."""
        if not self._is_mounted:
            self.directory.rename(self._away)
            return
        with contextlib.suppress(OSError), open(self.directory / "ballast", "wb", 0) as file:
            while file.write(bytes(4096)):
                pass

    def free(self):
        """Let it be written again."""
        if not self._is_mounted:
            self._away.rename(self.directory)
        else:
            (self.directory / "ballast").unlink()

    def close(self):
        """Unmount it."""
        if self._is_mounted:
            subprocess.run(["umount", "--lazy", str(self.directory)], check=True)


class Month:
    """What happens on each day, and what must be true in its evening."""

    def __init__(self, *, collector, disk, older, today, step_clock):
        self._collector = collector
        self._disk = disk
        self._older = older
        self._today = today
        self._step_clock = step_clock
        self._pods = 0
        self._exits = {}
        self._shown = {}
        #: When each job began to run, the last time and the one before.
        self._ran = {}
        #: How often a job's counts began anew because it had left.
        self.left = 0
        self.restarts = 0

    def run(self, days):
        """Live for so many days; returns the figures of each week's last."""
        stays = start("ticking", address=self._collector.address, task="stays", stdin=-1)
        evenings = []
        for day in range(days):
            try:
                self._day(day, days)
            except Exception as error:
                error.add_note("day %d\n%s" % (day, self._collector.log()[-8000:]))
                raise
            if day % WEEK == WEEK - 1:
                evenings.append(self._figures(stays))
        ticks = int(finish(stays))
        assert self._collector.value("waggle_rate_events_total", plugin_task="stays") == ticks
        errors = [line for line in self._collector.log().splitlines() if " ERROR " in line]
        errors = [line for line in errors if not any(text in line for text in EXPECTED)]
        assert errors == []
        return evenings

    def _day(self, day, days):
        self._step_clock({1: 3600, 3: -7200, 5: 86400}.get(day % WEEK, 0))
        is_full = day == days // 2
        if is_full:
            self._disk.fill()
        runs = dict.fromkeys(DAILY, RUNS)
        if day % WEEK == 2:
            wait_until(lambda: not self._collector.scrape().all("waggle_plugin_up", plugin=WEEKLY))
            runs[WEEKLY] = 1
        if is_full:  # an end that can't be saved is for a client that can wait for it
            runs = dict.fromkeys(DAILY, 0)
        self._live(runs)
        self._look(runs)
        # The client is upgraded and rolled back, too.
        if day % WEEK in PLUGIN_DAYS:
            name = DAILY[day % len(DAILY)]
            self._run_plugin(name, self._older if day % 2 else self._today)
            self._look({name: 1})
        if is_full:
            wait_until(lambda: "can't write state file" in self._collector.log())
            self._disk.free()
            wait_until(lambda: "is written again" in self._collector.log())
        if day % WEEK in RESTART_DAYS:
            self._restart(day)
            self._look(dict.fromkeys(runs, 0))

    def _runs_now(self, names):
        now = time.monotonic()
        self._ran.update({name: (self._ran.get(name, (0, now))[1], now) for name in names})

    def _live(self, runs):
        self._runs_now([name for name, times in runs.items() if times])
        names = [name for name, times in runs.items() for _ in range(times)]
        first, self._pods = self._pods, self._pods + len(names)

        def has_lived(pod, name):
            try:
                live_once(self._collector.socket_path, pod, app_id=pod, plugin=name, task="cron")
            except AssertionError as error:
                # A busy machine may write the state late. Who says bye again is counted once.
                assert "not_saved" in str(error)
                return False
            return True

        def live(number, name):
            wait_until(lambda: has_lived("pod-%06d" % (first + number), name))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(live, range(len(names)), names))

    def _run_plugin(self, name, client):
        self._runs_now([name])
        environment = dict(
            os.environ,
            PYTHONPATH=client.environment["PYTHONPATH"],
            WAGGLE_LIVE_METRICS=self._collector.address,
            WAGGLE_LIVE_PLUGIN=name,
            WAGGLE_LIVE_TASK="cron",
            WAGGLE_LIVE_JOB="",
        )
        command = [sys.executable, "-P", str(PROGRAMS / "one_shot.py")]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        told = [line for line in done.stderr.splitlines() if not any(e in line for e in EXPECTED)]
        assert (done.returncode, told) == (0, []), done.stderr

    def _look(self, runs):
        """Each end is counted; counts go on, or begin anew if the job may have left the table."""
        scrape = self._collector.scrape()
        now = time.monotonic()
        for name, new in runs.items():
            self._exits[name] = self._exits.get(name, 0) + new
            exits = scrape.value("waggle_plugin_exits_total", 0, plugin=name, status="ok")
            ends = scrape.all("waggle_plugin_exits_total", plugin=name)
            assert exits == self._exits[name], (name, ends)
            shown = scrape.value("waggle_count_total", 0, plugin=name, name="runs")
            before, self._shown[name] = self._shown.get(name, 0), shown
            if shown != before + new:
                self.left += 1
                assert now - self._ran[name][0] >= HOLD_SECONDS, (name, before, new, shown)
                assert 0 <= shown <= before + new, (name, before, new, shown)

    def _restart(self, day):
        """End the collector in one way or another; the third week's is an older one."""
        self._collector.kill() if day % 2 else self._collector.terminate()
        generation = self._older if day // WEEK % 4 == 2 else self._today
        self._collector.popen_arguments = generation.process
        self._collector.start()
        self.restarts += 1

    def _figures(self, stays):
        """What is left in the evening, when every job has left the table."""
        scrape = wait_until(self._quiet)
        collector = self._collector.process.pid
        return Figures(
            resident(collector),
            descriptors(collector),
            threads(collector),
            self._state_size(),
            sum(
                not sample.name.startswith("waggle_collector_")
                for family in scrape
                for sample in family.samples
            ),
            resident(stays.pid),
            descriptors(stays.pid),
        )

    def _state_size(self):
        """Return the bytes of the state without the ends of the last five minutes, in all of which
        this month lies."""
        state = json.loads((self._disk.directory / "state").read_bytes())
        assert len(state.pop("ended")) <= sum(self._exits.values())
        return len(json.dumps(state))

    def _quiet(self):
        scrape = self._collector.scrape()
        return scrape if len(scrape.all("waggle_plugin_up")) == 1 else None


def grown(before, after):
    """Return what a node takes more of on a later evening than on one before, if it is too much."""
    room = Figures(4 * MIB, 2, 1, 4096, 0, 2 * MIB, 1)
    return {
        name: (first, last)
        for name, first, last, more in zip(Figures._fields, before, after, room)
        if last > first + more
    }
