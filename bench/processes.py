"""Programs that a measurement starts and ends: collectors, each in a directory of its own.

All listen on the loopback only. A program that is not installed raises :class:`Missing`, which
names the Debian package, and stands so in the table.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, ContextManager, Dict, Iterable, Iterator, List, Optional, Sequence

from .packages import PACKAGES

#: Where the package ``bench`` is.
ROOT = str(Path(__file__).resolve().parents[1])


class Missing(Exception):
    """What is not installed, and how to get it."""


class Program:
    """A running program with its ports and directory, and what it has cost so far."""

    def __init__(self, process: "subprocess.Popen[bytes]", directory: str, **ports: int) -> None:
        self.process = process
        self.directory = directory
        self.ports: Dict[str, int] = ports

    def pids(self) -> List[int]:
        """Return the process and its descendants."""
        found = [self.process.pid]
        for pid in found:
            for thread in os.listdir("/proc/%d/task" % pid):
                with open("/proc/%d/task/%s/children" % (pid, thread), encoding="ascii") as file:
                    found += [int(child) for child in file.read().split()]
        return found

    def cpu(self) -> float:
        """Return the CPU seconds of all its threads, of those that have ended too."""
        # What clock_getcpuclockid(3) makes of a pid, which Python has for threads alone.
        return sum(time.clock_gettime(~pid << 3 | 2) for pid in self.pids())

    def wakeups(self) -> int:
        """Return how often its threads have gone to sleep, and so been woken, up to now."""
        found = 0
        for pid in self.pids():
            for thread in os.listdir("/proc/%d/task" % pid):
                with open("/proc/%d/task/%s/status" % (pid, thread), encoding="ascii") as file:
                    found += int(file.read().partition("\nvoluntary_ctxt_switches:")[2].split()[0])
        return found

    def memory(self) -> float:
        """Return the resident MiB of all of it."""
        pages = 0
        for pid in self.pids():
            with open("/proc/%d/statm" % pid, encoding="ascii") as file:
                pages += int(file.read().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


Started = ContextManager[Program]
#: Seconds that a program may take to start on a busy machine.
START_SECONDS = 60


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """Return a port of the loopback that nobody listens on just now.

    Below those that Linux gives to connections: one of these could have it before a server has.
    """
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, kind) as probe:
            probe.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def running(
    command: List[str],
    files: Optional[Dict[str, str]] = None,
    ready: str = "",
    environment: Optional[Dict[str, str]] = None,
    **ports: int,
) -> Iterator[Program]:
    """Run ``command`` in a directory with ``files``, from when ``ready`` answers or is there."""
    program = shutil.which(command[0])
    if program is None:
        package = PACKAGES.get(command[0], "none")
        raise Missing("%s is not installed (Debian: %s)" % (command[0], package))
    directory = tempfile.mkdtemp(prefix="bench-")
    for name, text in (files or {}).items():
        with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
            file.write(text.replace("{dir}", directory))
    arguments = [program, *(part.replace("{dir}", directory) for part in command[1:])]
    with open(os.path.join(directory, "log"), "wb") as log:
        process = subprocess.Popen(
            arguments,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )
    try:
        _wait(process, directory, ready)
        yield Program(process, directory, **ports)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(directory, ignore_errors=True)


def _wait(process: Any, directory: str, ready: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if ready.startswith("http"):
                urllib.request.urlopen(ready, timeout=1).read()
            elif ready and not os.path.exists(ready.replace("{dir}", directory)):
                raise OSError(ready)
            return
        except OSError:
            time.sleep(0.05)
    with open(os.path.join(directory, "log"), encoding="utf-8", errors="replace") as log:
        raise Missing("did not start: %s" % log.read()[-500:])


#: What the image and the unit of systemd set, for a collector whose memory is measured.
MEMORY = {"MALLOC_MMAP_THRESHOLD_": "131072"}


def ours(*flags: str, **environment: str) -> Started:
    """Our collector, with a state file, as it is run on a node, and with room for all."""
    port = free_port()
    return running(
        [
            sys.executable,
            "-m",
            "waggle_live_collector",
            "--socket.path={dir}/socket",
            "--state.file={dir}/state",
            "--web.listen-address=127.0.0.1:%d" % port,
            "--limit.memory=4GiB",
            *flags,
        ],
        ready="http://127.0.0.1:%d/-/ready" % port,
        environment=environment,
        http=port,
    )


@contextlib.contextmanager
def plugins(
    collector: Program, name: str, arguments: Iterable[Sequence[Any]]
) -> Iterator[List[Program]]:
    """Plugins of :mod:`bench.plugins`, one for each of ``arguments``, once all are ready."""
    environment = dict(
        os.environ, WAGGLE_LIVE_METRICS="unix://%s/socket" % collector.directory, PYTHONPATH=ROOT
    )
    started: List[Program] = []
    try:
        for words in arguments:
            command = [sys.executable, "-m", "bench.plugins." + name, *map(str, words)]
            process = subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            started.append(Program(process, collector.directory))
        for plugin in started:
            assert plugin.process.stdout is not None
            if not plugin.process.stdout.readline():
                raise Missing("a plugin of bench.plugins.%s did not start" % name)
        yield started
    finally:
        for plugin in started:
            plugin.process.stdin.close()  # type: ignore[union-attr]
        for plugin in started:
            plugin.process.wait()
            plugin.process.stdout.close()  # type: ignore[union-attr]


def udp_sink() -> Started:
    """A process that reads datagrams and throws them away."""
    port = free_port(socket.SOCK_DGRAM)
    code = (
        "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "s.bind(('127.0.0.1', %d))\nopen('{dir}/up', 'w')\nwhile True: s.recv(65536)" % port
    )
    return running([sys.executable, "-c", code], ready="{dir}/up", udp=port)


def netdata() -> Started:
    """netdata with nothing but its statsd plugin."""
    http, port = free_port(), free_port()
    text = (
        "[global]\n run as user = root\n[directories]\n cache = {dir}\n lib = {dir}\n log = {dir}\n"
        "[db]\n mode = ram\n[web]\n bind to = 127.0.0.1:%d\n[statsd]\n bind to = udp:127.0.0.1:%d "
        "tcp:127.0.0.1:%d\n[health]\n enabled = no\n[ml]\n enabled = no\n"
        "[registry]\n enabled = no\n"
        "[cloud]\n enabled = no\n[plugins]\n" % (http, port, port)
    )
    off = "timex,idlejitter,netdata monitoring,tc,diskspace,proc,cgroups,checks,apps,charts.d,fping"
    off += ",node.d,python.d,ioping,go.d,perf,nfacct,slabinfo,ebpf,ebpf.d,freeipmi,cups,xenstat"
    text += "".join(" %s = no\n" % plugin for plugin in off.split(","))
    return running(
        ["netdata", "-D", "-c", "{dir}/netdata.conf", "-P", "{dir}/pid"],
        {"netdata.conf": text},
        "http://127.0.0.1:%d/api/v1/info" % http,
        http=http,
        statsd=port,
    )


def collectd() -> Started:
    """collectd with its statsd plugin, and a socket to read the counts back."""
    port = free_port(socket.SOCK_DGRAM)
    text = (
        'BaseDir "{dir}"\nPIDFile "{dir}/pid"\nInterval 1\nLoadPlugin statsd\nLoadPlugin unixsock\n'
        '<Plugin statsd>\n Host "127.0.0.1"\n Port "%d"\n TimerPercentile 95.0\n TimerCount true\n'
        '</Plugin>\n<Plugin unixsock>\n SocketFile "{dir}/sock"\n</Plugin>\n' % port
    )
    return running(
        ["collectd", "-f", "-C", "{dir}/collectd.conf"],
        {"collectd.conf": text},
        "{dir}/sock",
        statsd=port,
    )


def pushgateway() -> Started:
    """The Pushgateway, keeping nothing on a disk."""
    port = free_port()
    return running(
        [
            "prometheus-pushgateway",
            "--web.listen-address=127.0.0.1:%d" % port,
            "--persistence.file=",
        ],
        ready="http://127.0.0.1:%d/-/ready" % port,
        http=port,
    )


def victoria() -> Started:
    """VictoriaMetrics, for its import of Prometheus text."""
    port = free_port()
    return running(
        [
            "victoria-metrics",
            "-httpListenAddr=127.0.0.1:%d" % port,
            "-storageDataPath={dir}/data",
            "-memory.allowedPercent=10",
        ],
        ready="http://127.0.0.1:%d/health" % port,
        http=port,
    )


def prometheus(config: Dict[str, Any], *flags: str) -> Started:
    """Prometheus with that configuration, keeping its data in the directory ``data``."""
    port = free_port()
    return running(
        [
            "prometheus",
            "--config.file={dir}/prometheus.yml",
            "--storage.tsdb.path={dir}/data",
            "--web.listen-address=127.0.0.1:%d" % port,
            "--web.enable-admin-api",
            *flags,
        ],
        {"prometheus.yml": json.dumps(config)},  # JSON is YAML
        "http://127.0.0.1:%d/-/ready" % port,
        http=port,
    )
