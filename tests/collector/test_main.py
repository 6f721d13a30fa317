"""Real collector processes: starts, ends, deaths."""

import contextlib
import os
import random
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from .harness import Client, CollectorProcess, start, wait_until
from .patience import AWAITS, SAVES
from .world import counter, gauge, timer

#: Says whether the socket takes connections at the moment when the port of plugins is taken.
PORT_AFTER_SOCKET = """
import socket, sys
from waggle_live_collector.__main__ import main
(path,) = [each.partition("=")[2] for each in sys.argv if each.startswith("--socket.path=")]
def look(event, arguments):
    if event == "socket.bind" and arguments[1] == ("127.0.0.2", 0):
        with socket.socket(socket.AF_UNIX) as plugin:
            print("at the port:", plugin.connect_ex(path), file=sys.stderr, flush=True)
sys.addaudithook(look)
main()
"""


def fails_to_start(collector):
    """Start it; return its exit code and what it logged."""
    with pytest.raises(AssertionError):
        collector.start(wait_ready=False)
    return collector.process.wait(30), collector.log()


def test_until_everybody_could_be_back_it_answers_503():
    """Healthy at once, ready and with metrics after two seconds; the text says why."""
    with start(state_file=None, wait_ready=False, program=AWAITS) as collector:
        assert collector.get("/-/healthy")[0] == 200
        for path in ("/metrics", "/-/ready", "/api/v1/plugins"):
            status, _, body = collector.get(path)
            assert status == 503
            assert b"waiting for processes to return" in body
    begin = time.monotonic()
    with start(state_file=None, wait_ready=False) as collector:
        listens = time.monotonic()
        collector.wait_ready()
        assert begin + 2 < time.monotonic() < listens + 20
        assert collector.get("/metrics")[0] == 200


def test_who_was_connected_is_waited_for_and_no_longer():
    """With a state file it is ready as soon as all are back."""
    with start(program=AWAITS) as collector:
        with Client(collector) as client:
            client.hello()
            client.update(1, [counter("a", 1)])
            client.flush()
            assert collector.value("waggle_count_total", name="a") == 1
            collector.kill()
        collector.start(wait_ready=False)
        assert b"waiting for 1 processes" in collector.get("/metrics")[2]
        with Client(collector) as client:
            assert client.hello()["resumed"] is True
            client.update(2, [counter("a", 2)])
            client.flush()
            assert collector.get("/-/ready")[0] == 200
            assert collector.value("waggle_count_total", name="a") == 2


def test_sigterm_reads_what_was_sent_writes_the_state_and_removes_the_socket():
    """Exit status 0, nothing lost of what stood in the sockets."""
    with start() as collector:
        client = Client(collector)
        client.hello()
        client.flush()
        collector.signal(signal.SIGSTOP)
        client.update(1, [counter("a", 5)])
        late = Client(collector)  # still in the queue of the kernel
        late.send({"type": "hello", "version": 1, "session": "session-2", "key": "key-of-2-"})
        late.update(1, [counter("b", 7)])
        late.send({"type": "bye", "status": "ok"})
        late.socket.shutdown(socket.SHUT_WR)
        collector.signal(signal.SIGTERM)
        collector.signal(signal.SIGCONT)
        assert late.read()["type"] == "welcome"
        assert late.read()["type"] == "applied"
        assert collector.process.wait(30) == 0
        assert not os.path.exists(collector.socket_path)
        client.close()
        late.close()
        collector.start()
        assert collector.value("waggle_count_total", name="a") == 5
        assert collector.value("waggle_count_total", name="b") == 7


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_on_either_signal(number):
    """Also before it was ready, and with open connections."""
    with start(state_file=None, wait_ready=False) as collector, Client(collector) as client:
        client.hello()
        begin = time.monotonic()
        collector.signal(number)
        assert collector.process.wait(30) == 0
        assert time.monotonic() - begin < 20
        assert client.read() is None


def test_a_second_collector_on_the_same_socket_refuses_to_start():
    """Exit status 1 with the reason; the first goes on, stopped or not."""
    with start(wait_ready=False) as first, CollectorProcess() as second:
        second.socket_path = first.socket_path
        for stopped in (False, True):
            if stopped:
                first.signal(signal.SIGSTOP)
            code, log = fails_to_start(second)
            assert code == 1
            assert "another collector is listening" in log
            assert "Traceback" not in log
        first.signal(signal.SIGCONT)
        with Client(first) as client:
            assert client.hello()["type"] == "welcome"


def test_a_socket_file_of_a_killed_collector_is_taken_over():
    """The path is the same, so plugins find it."""
    with start(wait_ready=False) as collector:
        collector.kill()
        assert os.path.exists(collector.socket_path)
        collector.start(wait_ready=False)
        with Client(collector) as client:
            assert client.hello()["type"] == "welcome"


def test_a_taken_port_is_said_and_leaves_no_socket():
    """Exit status 1, with the address and the flag."""
    with socket.create_server(("127.0.0.1", 0)) as taken, CollectorProcess() as collector:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        for flag, to in (("web", "serve HTTP"), ("tcp", "listen for plugins")):
            collector.flags[-1:] = [f"--{flag}.listen-address={address}"]
            code, log = fails_to_start(collector)
            assert code == 1
            assert f"can't {to} on {address}" in log
            assert "Traceback" not in log
            assert not os.path.exists(collector.socket_path)


def test_plugins_find_the_socket_before_the_port():
    """Otherwise one that connects meanwhile would use TCP, and stay unproven."""
    flags = ["--tcp.listen-address=127.0.0.2:0"]
    with CollectorProcess(flags=flags, program=PORT_AFTER_SOCKET) as collector:
        collector.start(wait_ready=False)
        assert "at the port: 0\n" in collector.log()


def test_the_state_of_a_running_collector_is_not_touched_by_a_second():
    """It has the socket before it reads or writes anything."""
    with start(program=SAVES) as first, Client(first) as client:
        client.hello()
        client.update(1, [counter("a", 1)])
        client.flush()
        first.scrape()
        state = Path(first.directory, "state")
        before = state.read_bytes()
        with CollectorProcess(state_file=state) as second:
            second.socket_path = first.socket_path
            assert fails_to_start(second)[0] == 1
        assert state.read_bytes() == before
        assert not list(state.parent.glob("*.corrupt"))


def test_rights_of_the_socket():
    """Everybody may by default; a mode and a group on request."""
    flags = ["--socket.mode=0620", "--socket.gid=%d" % os.getgid()]
    with start(wait_ready=False) as collector:
        assert os.stat(collector.socket_path).st_mode & 0o777 == 0o666
    with start(wait_ready=False, flags=flags) as collector:
        assert os.stat(collector.socket_path).st_mode & 0o777 == 0o620


def test_what_ended_leaves_after_the_holding_time():
    """By the collector's own clock, with nobody asking in between."""
    with start(hold_time=1.0) as collector:
        with Client(collector) as client:
            client.hello()
            client.update(1, [counter("a", 1), gauge("g", 1)])
            client.bye()
        assert collector.value("waggle_count_total", name="a") == 1
        assert collector.value("waggle_plugin_up") == 0
        wait_until(lambda: not collector.scrape().all("waggle_plugin_up"))
        assert "plugin" not in collector.plugins()


def test_an_answered_bye_survives_a_kill():
    """As soon as the client has its answer, the process is in the file."""
    with start() as collector:
        for number in range(1, 4):
            with Client(collector) as client:
                client.hello(f"session-{number}")
                client.update(1, [timer("t", {0: number}, number)])
                client.bye()
            collector.kill()
            collector.start(wait_ready=False)
        collector.wait_ready()
        assert collector.value("waggle_timer_seconds_count", name="t") == 6
        assert collector.value("waggle_plugin_exits_total", status="ok") == 3


class Reporter(threading.Thread):
    """A client that reports a rising counter and reconnects as often as it must."""

    def __init__(self, collector, process):
        super().__init__()
        self.collector, self.process = collector, process
        self.value, self.number = 0, 0
        self.over = threading.Event()

    def run(self):
        while not self.over.is_set():
            with contextlib.suppress(OSError), Client(self.collector) as client:
                client.socket.settimeout(2)
                client.hello(self.process)
                while not self.over.is_set():
                    self.report(client)
                    time.sleep(0.002)
            time.sleep(0.01)

    def report(self, client):
        """Count on and report; the first report after a connect is the whole state, too."""
        self.value += random.randrange(3)
        self.number += 1
        cells = [counter("a", self.value / 8), timer("t", {0: self.value}, self.value)]
        client.update(self.number, cells)
        if client.flush(self.number)[-1] is None:
            raise ConnectionError("the collector is gone")


def test_no_scrape_ever_shows_less_than_one_before_over_kills():
    """Killed with -9 at random moments: counters only rise and are exact in the end."""
    random.seed(5)
    names = ("waggle_count_total", "waggle_timer_seconds_count", "waggle_timer_seconds_sum")
    with start(program=AWAITS) as collector:
        reporters = [Reporter(collector, f"session-{number}") for number in range(3)]
        for reporter in reporters:
            reporter.start()
        shown = dict.fromkeys(names, 0.0)
        for _ in range(8):
            end = time.monotonic() + random.uniform(0.1, 0.5)
            while time.monotonic() < end:
                scrape = collector.scrape()
                for name in names:
                    value = scrape.value(name, 0.0)
                    assert value >= shown[name]
                    shown[name] = value
            collector.kill()
            collector.start()
        for reporter in reporters:
            reporter.over.set()
            reporter.join()
        total = 0
        for reporter in reporters:
            with Client(collector) as client:
                client.hello(reporter.process)
                reporter.report(client)
                client.bye()
            total += reporter.value
        assert collector.value("waggle_timer_seconds_count", name="t") == total
        assert collector.value("waggle_count_total", name="a") == total / 8


def test_a_node_is_named_by_whatever_its_variables_hold(monkeypatch):
    """Question marks stand for what isn't Unicode; each view is there."""
    monkeypatch.setenv("WAGGLE_NODE_VSN", os.fsdecode(b"W\xff"))
    monkeypatch.setenv("WAGGLE_NODE_ID", '\r\n"\\')
    with start() as collector:
        labels, _ = collector.scrape().all("waggle_node_info")[0]
        assert (labels["vsn"], labels["node_id"]) == ("W?", '\r\n"\\')
        assert b'"vsn":"W?"' in collector.get("/api/v1/plugins")[2]
        assert b"W?" in collector.get("/")[2]


def test_a_socket_may_have_any_path():
    """The page, which names it, is there all the same."""
    with CollectorProcess() as collector:
        collector.socket_path += os.fsdecode(b"\xff")
        collector.start(wait_ready=False)
        assert b"live_metrics.sock?" in collector.get("/")[2]
