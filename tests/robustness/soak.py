"""Hours in minutes: plugins come and go under load, the collector dies again and again.

    python -m tests.robustness.soak --minutes 15

First half: the collector is killed at random moments; no counter falls, and in the end all
counts are exact. Second half: nobody kills it; memory, descriptors and threads of the collector
and of a plugin that lived through all of it come back to where they were.
"""

import argparse
import http.client
import os
import random
import subprocess
import sys
import threading
import time
from typing import NamedTuple

from tests.collector.harness import CollectorProcess, Scrape, wait_until

from .processes import MIB, descriptors, finish, resident, start, threads

#: Longer than a busy machine keeps a plugin from coming back to a collector that was killed.
HOLD_SECONDS = 5.0
PLUGINS = 5
KILLS = 100


class Figures(NamedTuple):
    """What one process takes."""

    memory: int
    descriptors: int
    threads: int

    @classmethod
    def of(cls, pid):
        """Look at a process."""
        return cls(resident(pid), descriptors(pid), threads(pid))

    def text(self):
        """Return it for people."""
        return "%.1f MiB, %d descriptors, %d threads" % (self.memory / MIB, *self[1:])


class Watcher(threading.Thread):
    """Scrapes all the time; no counter of the plugins may ever fall."""

    def __init__(self, collector):
        super().__init__(daemon=True)
        self._collector = collector
        self._highest = {}
        self.ended = threading.Event()
        self.fallen = []
        self.scrapes = 0

    def run(self):
        while not self.ended.wait(0.1):
            try:
                status, _, body = self._collector.get("/metrics", timeout=5)
            except (OSError, http.client.HTTPException):  # killed in the middle of an answer
                continue
            if status == 200:
                self._look(Scrape(body.decode()))

    def _look(self, scrape):
        self.scrapes += 1
        for family in ("waggle_count_total", "waggle_timer_seconds_count"):
            for labels, value in scrape.all(family, plugin_task="steady"):
                key = (family, labels["name"])
                if value < self._highest.get(key, 0):
                    self.fallen.append((key, self._highest[key], value))
                self._highest[key] = value


class Soak:
    """One collector, one plugin that stays, and waves of others. ``run`` does it all."""

    def __init__(self, collector, say=print):
        self._collector = collector
        self._say = say
        self._random = random.Random(2026)
        self._recorded = 0
        self.kills = 0

    def run(self, seconds, kills):
        """Soak for so long, more or less, with so many kills; fails if anything is wrong."""
        stays = self._start("steady")
        watcher = Watcher(self._collector)
        watcher.start()
        try:
            self._kill_for(seconds / 2, kills)
            watcher.ended.set()
            watcher.join()
            assert not watcher.fallen, watcher.fallen
            assert watcher.scrapes > kills
            self._come_and_go_for(seconds / 2, stays)
            self._recorded += int(finish(stays))
        finally:
            watcher.ended.set()
            stays.kill()
            stays.communicate()
        scrape = self._collector.scrape()
        shown = scrape.value("waggle_count_total", plugin_task="steady")
        timed = scrape.value("waggle_timer_seconds_count", plugin_task="steady")
        self._say("recorded %d, shown %d and %d" % (self._recorded, shown, timed))
        assert shown == timed == self._recorded

    def _kill_for(self, seconds, kills):
        """Kill the collector while waves of plugins go on in another thread."""
        stop = threading.Event()
        failures = []

        def waves():
            try:
                while not stop.is_set():
                    self._wave()
            except BaseException as error:
                failures.append(error)

        coming = threading.Thread(target=waves)
        coming.start()
        try:
            for _ in range(kills):
                time.sleep(self._random.uniform(0.2, 1.8) * seconds / kills)
                self._collector.kill()
                self._collector.start(wait_ready=False)
                self.kills += 1
        finally:
            stop.set()
            coming.join()
        if failures:
            raise failures[0]
        self._collector.wait_ready()
        self._say("killed %d times" % self.kills)

    def _come_and_go_for(self, seconds, stays):
        """Compare what all takes after the first of several waves and after the last."""
        end = time.monotonic() + seconds
        self._wave()
        before = self._figures(stays)
        self._wave()
        waves = 1
        while time.monotonic() < end:
            self._wave()
            waves += 1
        after = self._figures(stays)
        for who, first, last in zip(("collector", "plugin"), before, after):
            self._say("%s: %s; after %d waves: %s" % (who, first.text(), waves, last.text()))
            assert last.memory <= first.memory + 4 * MIB, who
            assert last.descriptors <= first.descriptors + 1, who
            assert last.threads <= first.threads, who

    def _figures(self, stays):
        """Look at both sides once only the plugin that stays is left."""
        wait_until(lambda: self._is_quiet(self._collector.scrape()))
        return Figures.of(self._collector.process.pid), Figures.of(stays.pid)

    def _is_quiet(self, scrape):
        held = scrape.value("waggle_collector_sessions", state="disconnected")
        return held == 0 and scrape.sum("waggle_plugin_sessions") == 1

    def _wave(self):
        """Plugins come one by one, record, and go: at their own end, or killed."""
        lasting, killed = [], []
        for number in range(PLUGINS):
            dies = number % 3 == 2
            (killed if dies else lasting).append(self._start("killed" if dies else "steady"))
            time.sleep(self._random.uniform(0.0, 0.3))
        time.sleep(self._random.uniform(0.3, 1.0))
        for process in killed:
            process.kill()
            process.communicate()
        for process in lasting:
            time.sleep(self._random.uniform(0.0, 0.2))
            self._recorded += int(finish(process))

    def _start(self, task):
        address = self._collector.address
        # Patient: this is about deaths of the collector, not about plugins without any.
        return start("steady", 30, address=address, task=task, stdin=subprocess.PIPE)


def main():
    """Run the long form; exit status 1 if it fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.robustness.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--kills", type=int, default=KILLS)
    options = parser.parse_args()
    begin = time.monotonic()
    with CollectorProcess(hold_time=HOLD_SECONDS).start() as collector:
        Soak(collector).run(options.minutes * 60, options.kills)
    print("soaked for %.1f minutes, all well" % ((time.monotonic() - begin) / 60))


if __name__ == "__main__":
    os.environ.pop("WAGGLE_LIVE_METRICS", None)
    sys.exit(main())
