"""The socket that systemd hands over, as sd_listen_fds(3) says."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

import pytest

from tests.collector.harness import Client, CollectorProcess, wait_until
from tests.programs import program
from tests.robustness.processes import finish
from tests.robustness.processes import start as start_program
from waggle_live_collector.sockets.inherited import inherit

#: What systemd does between fork and exec: descriptor 3, and whose it is.
HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=sys.argv[2])
os.execv(sys.executable, [sys.executable, "-m", "waggle_live_collector"] + sys.argv[3:])
"""


class Activated(CollectorProcess):
    """A collector that is started with a socket of this process, as by systemd."""

    def __init__(self, kind=socket.SOCK_STREAM, count=1, listens=True, abstract=False):
        super().__init__()
        self.listening = socket.socket(socket.AF_UNIX, kind)
        self.listening.bind("\0" + self.socket_path if abstract else self.socket_path)
        if listens:
            self.listening.listen()
        self.count = count

    def command(self, *flags):
        number = str(self.listening.fileno())
        return [sys.executable, "-c", HAND_OVER, number, str(self.count), *flags]

    def popen(self, *flags):
        """Start it; it is to find its socket although --socket.path names another."""
        flags = ("--web.listen-address=127.0.0.1:0", "--socket.path=/nowhere/at/all", *flags)
        with open(self.log_path, "ab") as log:
            return subprocess.Popen(
                self.command(*flags), stderr=log, pass_fds=[self.listening.fileno()]
            )

    def start(self, wait_ready=True):
        """Start the process (again) and wait until it says where it is."""
        offset = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        self.process = self.popen(*self.flags)
        wait_until(lambda: "ready: " in self.log(offset) or self.process.poll() is not None)
        log = self.log(offset)
        assert "socket=" + self.socket_path in log, log
        self.url = "http://" + log.split("http=")[1].split()[0]
        if wait_ready:
            self.wait_ready()
        return self

    def __exit__(self, *_):
        self.stop()
        self.listening.close()
        super().__exit__()


def test_a_restart_keeps_the_socket_and_the_plugins():
    """Same inode over an orderly end and a kill; the plugin returns, its counts are exact."""
    with Activated() as collector:
        before = os.stat(collector.socket_path)
        collector.start()
        plugin = start_program("steady", address=collector.address, stdin=subprocess.PIPE)
        wait_until(lambda: collector.value("waggle_count_total", default=0) > 0)
        for end in (collector.terminate, collector.kill):
            end()
            after = os.stat(collector.socket_path)
            assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
            collector.start()
            wait_until(lambda: collector.value("waggle_plugin_sessions", default=0) == 1)
        assert int(finish(plugin)) == collector.value("waggle_count_total")


def test_who_connects_while_there_is_no_collector_waits_in_the_queue():
    """Between two collectors nobody is refused; the next one answers."""
    with Activated() as collector:
        collector.start()
        assert collector.terminate() == 0
        with Client(collector) as early:
            early.send({"type": "hello", "version": 1, "session": "early-bird", "key": "k" * 20})
            collector.start()
            assert early.read()["type"] == "welcome"


def test_its_file_is_never_made_anew():
    """Removed or not, the file is systemd's affair; the collector goes on with what it has."""
    with Activated() as collector, Client(collector) as client:
        os.unlink(collector.socket_path)
        collector.start()
        assert client.hello()["type"] == "welcome"
        client.update(1, [{"kind": "counter", "name": "done", "value": 1}])
        client.flush()
        wait_until(lambda: collector.value("waggle_count_total") == 1)
        collector.signal(signal.SIGTERM)
        assert collector.process.wait(timeout=30) == 0
        assert not os.path.exists(collector.socket_path)
        assert "made again" not in collector.log()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"count": 2}, "exactly one ListenStream"),
        ({"kind": socket.SOCK_DGRAM, "listens": False}, "no listening unix stream socket"),
        ({"listens": False}, "no listening unix stream socket"),
        ({"abstract": True}, "needs ListenStream=/path"),
    ],
    ids=["two", "datagram", "not-listening", "abstract"],
)
def test_what_is_no_socket_for_plugins_is_refused(options, words):
    """Exit status 1 and what the unit needs."""
    with Activated(**options) as collector:
        assert collector.popen().wait(timeout=30) == 1
        assert words in collector.log()


@pytest.mark.parametrize(
    "environ",
    [{}, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}, {"LISTEN_PID": str(os.getpid())}],
    ids=["nothing", "for-another-process", "no-descriptors"],
)
def test_nothing_is_taken_that_is_not_for_this_process(environ):
    """The variables of a parent are none of ours, and are not handed on either."""
    environ = dict(environ, LISTEN_FDNAMES="x")
    assert inherit(environ) is None
    assert environ == {}


def test_systemd_activates_it():
    """systemd's own tool hands a socket over, and the collector answers on it."""
    tool = program("systemd-socket-activate", "systemd")
    directory = tempfile.mkdtemp(prefix="wl-")
    path = os.path.join(directory, "s.sock")
    command = [tool, "--listen=" + path, sys.executable, "-m", "waggle_live_collector"]
    process = subprocess.Popen(
        [*command, "--web.listen-address=127.0.0.1:0"], stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: os.path.exists(path))
        collector = type("At", (), {"socket_path": path})
        with wait_until(lambda: connect(collector)) as client:
            assert client.hello()["type"] == "welcome"
        process.terminate()
        assert process.wait(timeout=30) == 0
        assert os.path.exists(path)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(directory)


def connect(collector):
    """Return a client, None as long as nobody listens."""
    try:
        return Client(collector)
    except ConnectionRefusedError:
        return None
