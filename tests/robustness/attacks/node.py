"""A node of 60 MiB under attack: the collector, five neighbours, a scraper, and who attacks."""

import contextlib
import json
import os
import re
import select
import signal
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

import bcrypt
import pytest

from tests.collector.certificates import Authority
from tests.collector.harness import Scrape, wait_until
from tests.collector.memory_cgroup import MemoryCgroup
from tests.collector.pod_cgroup import PodCgroup
from tests.collector.redis_server import RedisServer
from tests.programs import free_port

from ..processes import MIB, PROGRAMS, ROOT
from .scraper import COUNTERS, PASSWORD, USER, Collector, Scraper

MEMORY = 60 * MIB
#: The first of them are in pods that the stack's Redis knows, the others are processes of our uid.
NEIGHBOURS, IN_PODS = 5, 3
NAME, TIMERS = "neighbour", 20
#: Seconds that a neighbour may take until the collector has all of it.
PATIENCE = 12.0


def pod():
    """Return a new cgroup of a pod; None on a machine where there can't be any."""
    try:
        return PodCgroup()
    except pytest.skip.Exception:
        return None


def in_pod(group, command, **more):
    """Start a process in a pod, or as it is if there is none."""
    return subprocess.Popen(command, **more) if group is None else group.run(command, **more)


class Attacker(NamedTuple):
    """A process that attacks, and what the kernel says of whom it is."""

    process: subprocess.Popen
    pod: PodCgroup
    principals: tuple

    def stop(self):
        """Kill it with all that it forked, and forget its pod."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.pod is not None:
            self.pod.remove()


class Node:
    """All of it; a context manager. ``guarded``: with TLS and a password on port 9090."""

    def __init__(self, directory, *, guarded=False):
        self._stack = contextlib.ExitStack()
        self._directory = directory
        self._guarded = guarded
        self._attackers = 0
        #: What the neighbours waited for their answers.
        self.seconds = []
        self.http_port, self.tcp_port = free_port(), free_port()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self._build(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def _build(self, stack):
        self.memory = stack.enter_context(MemoryCgroup(MEMORY))
        self._redis = RedisServer(str(self._directory)).start()
        stack.callback(self._redis.stop)
        pods = [pod() for _ in range(IN_PODS)]
        self._pods = list(filter(None, pods))
        for number, each in enumerate(self._pods):
            stack.callback(each.remove)
            record = {"plugin": NAME + ":1", "task": "%s-%d" % (NAME, number), "job": ""}
            self._redis.set(each.uid, json.dumps(record))
        flags = [
            "--limit.memory=%dMiB" % (MEMORY // MIB),
            "--web.listen-address=127.0.0.1:%d" % self.http_port,
            "--tcp.listen-address=127.0.0.1:%d" % self.tcp_port,
            "--identity.app-meta-cache=" + self._redis.url,
        ]
        if self._guarded:
            flags.append("--web.config.file=%s" % self._web_config())
        environment = dict(os.environ, MALLOC_MMAP_THRESHOLD_="131072")
        how = {"preexec_fn": self.memory.join, "env": environment}
        self.collector = Collector(flags=flags, process=how)
        self.collector.guarded, self.collector.port = self._guarded, self.http_port
        stack.enter_context(self.collector).start()
        self._neighbours = []
        for number in range(NEIGHBOURS):
            process = self._neighbour(number, (pods + [None] * NEIGHBOURS)[number])
            stack.callback(self._end, process)
            self._neighbours.append(process)
        self.scraper = Scraper(self.collector)
        wait_until(lambda: self.scrape().sum("waggle_plugin_sessions") == NEIGHBOURS)
        self.scraper.start()
        stack.callback(self.scraper.join)
        stack.callback(self.scraper.ended.set)

    def _web_config(self):
        cert, key = Authority(self._directory).server()
        hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10)).decode()
        path = self._directory / "web.yml"
        path.write_text(
            "tls_server_config: {cert_file: %s, key_file: %s}\n"
            'basic_auth_users: {%s: "%s"}\n' % (cert, key, USER, hashed)
        )
        return path

    def _neighbour(self, number, group):
        environment = dict(os.environ, PYTHONPATH=str(ROOT))
        environment["WAGGLE_LIVE_METRICS"] = self.collector.address
        environment["WAGGLE_LIVE_TASK"] = "%s-%d" % (NAME, number)
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        command = [sys.executable, str(PROGRAMS / (NAME + ".py"))]
        return in_pod(group, command, env=environment, text=True, **pipes)

    def _end(self, process):
        process.kill()
        process.communicate()

    def scrape(self):
        """Return a whole scrape, parsed."""
        return Scrape(self._text().decode())

    def check(self):
        """Assert that what the neighbours counted is shown, to the last unit."""
        deadline = time.monotonic() + PATIENCE
        for process in self._neighbours:
            process.stdin.write("\n")
            process.stdin.flush()
        rounds = []
        for process in self._neighbours:
            while not select.select([process.stdout], [], [], 0.5)[0]:
                self.assert_lives()
                assert time.monotonic() < deadline, "a neighbour waits for the collector"
            line = process.stdout.readline()
            assert line, process.stderr.read()
            rounds.append(int(line))
        self.seconds.append(time.monotonic() - deadline + PATIENCE)
        body = self._text()
        shown = {key: float(value) for key, value in COUNTERS.findall(body)}
        for number, count in enumerate(rounds):
            mine = b'plugin_task="%s-%d"}' % (NAME.encode(), number)
            found = {key: value for key, value in shown.items() if mine in key}
            wrong = {key: value for key, value in found.items() if value != count}
            assert not wrong, (number, count, wrong)
            assert len(found) == TIMERS + 2, (number, sorted(found))
        infos = re.findall(rb'^waggle_plugin_info\{[^\n]*verified="yes"[^\n]*\} ', body, re.M)
        for number, each in enumerate(self._pods):
            mine = b'plugin_task="%s-%d"' % (NAME.encode(), number)
            (info,) = [info for info in infos if mine in info and b'plugin_job=""' in info]
            assert each.uid.encode() in info, info
        for process in self._neighbours:
            process.stdin.write("\n")
            process.stdin.flush()

    def attack(self, name, *, in_a_pod, arguments=()):
        """Start an attack, from a pod of its own or as a process of our uid."""
        self._attackers += 1
        group = pod() if in_a_pod else None
        # Who shares the scraper's address shares its part of the budget, see SECURITY.md.
        source = "127.0.0.%d" % (2 + self._attackers % 200)
        me = "a%d-%s" % (self._attackers, name[:12].replace("_", "-"))
        command = [sys.executable, "-m", "tests.robustness.attacks", name]
        command += [self.collector.socket_path, str(self.http_port), str(self.tcp_port)]
        command += [source, me, *arguments]
        environment = dict(os.environ, PYTHONPATH=str(ROOT))
        process = in_pod(group, command, env=environment, start_new_session=True)
        uid = "uid:%d" % os.getuid() if group is None else "pod:" + group.uid
        attacker = Attacker(process, group, (uid, "address:" + source))
        self._stack.callback(attacker.stop)
        return attacker

    def restart(self):
        """Kill the collector with -9 and start it anew with its state file."""
        self.scraper.excused.set()
        self.collector.kill()
        self.collector.start()
        self.scraper.excused.clear()

    def named(self, principal):
        """Return how often somebody was refused something or lost something."""
        pattern = (
            r"^waggle_collector_(?:refusals|budget_losses)_total"
            r'\{[^\n]*principal="%s"[^\n]*\} (\S+)$' % principal
        )
        return sum(map(float, re.findall(pattern, self._text().decode(), re.M)))

    def _text(self):
        status, text = self.collector.text()
        assert status == 200, text
        return text

    def assert_lives(self):
        """Assert that nobody has killed the collector, and that it hasn't ended by itself."""
        assert self.memory.kills() == 0, "out of memory"
        assert self.collector.process.poll() is None, self.collector.log()[-3000:]

    def assert_alive(self, slowest):
        """Assert that it lives, nothing fell, and all was answered within seconds."""
        self.assert_lives()
        assert "Traceback" not in self.collector.log(), self.collector.log()[-3000:]
        assert self.scraper.fallen == []
        assert self.scraper.failures == [], (self.scraper.failures, self._lost())
        assert max(self.scraper.seconds, default=0) < slowest, sorted(self.scraper.seconds)[-5:]

    def _lost(self):
        """Return the lines that say whose connections were cut, and who lost what."""
        lines = self._text().decode().splitlines()
        which = re.compile("waggle_collector_(http_|budget_losses).*_total.* [1-9]")
        return [line for line in lines if which.match(line)]

    def report(self, name):
        """Return a line about what was seen, and begin anew."""
        seconds, self.scraper.seconds = self.scraper.seconds, []
        highest, self.scraper.peak = self.scraper.peak, 0
        checks, self.seconds = self.seconds, []
        return "%-32s peak %5.1f MiB, checks %s s, %6d lines, %3d scrapes: %.3f s, most %.3f s" % (
            name,
            highest / MIB,
            " ".join("%.1f" % each for each in checks),
            self.scraper.lines,
            len(seconds),
            statistics.median(seconds or [0]),
            max(seconds, default=0),
        )
