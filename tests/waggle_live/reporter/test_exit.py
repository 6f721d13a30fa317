"""The end of a process: nothing lost, and at most half a second longer, whatever the collector."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from ..helpers import environment, run_python, until, write_script
from ..listener import all_is_read

pytestmark = pytest.mark.quiet

PLUGIN = """
    import atexit, sys, time
    atexit.register(lambda: print(time.monotonic(), flush=True))  # before ours, so the last to run
    from waggle_live.live import LiveMetrics
    with LiveMetrics(plugin_name="x") as live:
        for i in range(1000):
            with live.timer("t"):
                live.counter("c").inc(2)
        {before}
        {end}
"""
ENDS = {
    "main ends": ("pass", 0, "ok"),
    "sys.exit": ("sys.exit(3)", 3, "error"),
    "exception": ("raise ValueError('mine')", 1, "error"),
}
#: Seconds that our part of an exit may take: the promise, and the hiccups of a busy machine.
PROMISE = 0.5 + 0.5


def run(address, tmp_path, end="pass", before="pass"):
    """Run the plugin, return its status, its stderr and the seconds after its last statement.

    It does what is to come ``before`` these seconds.

    It takes them itself: how long this process is kept from seeing its end is not our part.
    """
    text = PLUGIN.format(before=before, end="print(time.monotonic(), flush=True); " + end)
    path = write_script(tmp_path, text)
    status, out, err = run_python(path, env=environment(address))
    said, ended = map(float, out.split())
    return status, err, ended - said


@pytest.mark.parametrize("end", sorted(ENDS))
def test_everything_is_there_at_the_end(listener, tmp_path, end):
    """Whatever ends the plugin, all it recorded has arrived, and bye says how it ended."""
    statement, expected, bye = ENDS[end]
    status, err, took = run("unix://" + listener.path, tmp_path, statement)
    assert status == expected
    assert ("mine" in err) == (end == "exception")
    assert "live metrics" not in err
    assert listener.total("timer", "t") == 1000
    assert listener.total("counter", "c") == 2000
    assert [message["status"] for message in listener.messages("bye")] == [bye]
    assert took < PROMISE


def test_without_a_collector(tmp_path):
    """No collector: the exit is quick and stderr has one line."""
    status, err, took = run("unix://%s/none" % tmp_path, tmp_path)
    assert (status, err.count("\n")) == (0, 1)
    assert "no collector at unix://" in err
    assert took < PROMISE


def test_one_line_for_all_plugins_of_a_process(tmp_path):
    """A program that opens several plugins, at once or one after the other, or forks, says once
    that nobody is there."""
    text = """
        import os
        from waggle_live.live import LiveMetrics
        for _ in range(2):
            with LiveMetrics() as first, LiveMetrics() as second:
                first.counter("c").inc()
                second.counter("c").inc()
        pid = os.fork()
        if pid == 0:
            with LiveMetrics() as live:
                live.counter("c").inc()
            os._exit(0)
        os.waitpid(pid, 0)
    """
    path = write_script(tmp_path, text)
    status, out, err = run_python(path, env=environment("unix://%s/none" % tmp_path))
    assert (status, out, err.count("no collector at"), err.count("\n")) == (0, "", 1, 1)


def test_with_one_that_does_not_answer(listener, tmp_path):
    """Bye unanswered: the exit takes half a second at most, and all was sent."""
    listener.answers.clear()
    status, err, took = run("unix://" + listener.path, tmp_path)
    assert (status, err) == (0, "")
    assert took < PROMISE
    assert listener.total("counter", "c") == 2000


def test_with_one_that_does_not_read(listener, tmp_path):
    """A stopped collector, as by SIGSTOP: connected by the kernel alone."""
    listener.reads.clear()
    status, err, took = run("unix://" + listener.path, tmp_path)
    assert (status, err) == (0, "")
    assert took < PROMISE
    listener.reads.set()
    assert listener.wait_for(lambda seen: seen.messages("bye"))
    assert listener.total("counter", "c") == 2000


def test_with_one_that_hangs_up(listener, tmp_path):
    """One that accepts and closes, over and over."""
    listener.hangs_up = True
    status, err, took = run("unix://" + listener.path, tmp_path)
    assert status == 0
    assert err.count("\n") <= 1
    assert took < PROMISE


def test_with_one_that_refuses(listener, tmp_path):
    """One that refuses the session."""
    listener.refuse = {"type": "error", "code": "session_limit", "text": "too many"}
    refused = "while not live._reporter._sender._link._retry_at: time.sleep(0.01)"
    status, err, took = run("unix://" + listener.path, tmp_path, before=refused)
    assert (status, err.count("\n")) == (0, 1)
    assert took < PROMISE


def test_with_a_tcp_address_that_swallows(tmp_path):
    """A TCP collector that accepts connections nobody serves."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(5)
        address = "tcp://127.0.0.1:%d" % listening.getsockname()[1]
        status, _, took = run(address, tmp_path)
    assert status == 0
    assert took < PROMISE


def test_with_a_name_that_does_not_resolve(tmp_path):
    """A host name that resolves to nothing."""
    status, err, took = run("tcp://no-such-host.invalid:9091", tmp_path)
    assert status == 0
    assert err.count("\n") <= 1
    assert took < PROMISE


def test_a_plugin_that_lives_a_moment(listener, tmp_path):
    """A plugin of a few milliseconds, whose sender has hardly begun."""
    text = """
        from waggle_live.live import LiveMetrics
        with LiveMetrics() as live:
            live.counter("c").inc()
    """
    path = write_script(tmp_path, text, "brief.py")
    assert run_python(path, env=environment("unix://" + listener.path)) == (0, "", "")
    assert listener.total("counter", "c") == 1
    assert listener.messages("hello")[0]["plugin"] == "brief"


def test_atexit(listener, tmp_path):
    """Without a with block: all is sent at exit, what other atexit functions record included."""
    text = """
        import atexit
        from waggle_live.live import LiveMetrics
        live = LiveMetrics().open()
        live.counter("c").inc()
        atexit.register(lambda: live.counter("late").inc())
    """
    path = write_script(tmp_path, text)
    assert run_python(path, env=environment("unix://" + listener.path)) == (0, "", "")
    assert listener.total("counter", "c") == 1
    assert listener.total("counter", "late") == 1
    assert [message["status"] for message in listener.messages("bye")] == ["ok"]


def test_threads_still_running_at_the_end(listener, tmp_path):
    """Daemon threads that go on recording neither hang the exit nor break it."""
    text = """
        import threading, time
        from waggle_live.live import LiveMetrics
        live = LiveMetrics().open()
        def work():
            while True:
                with live.timer("t"):
                    pass
        for _ in range(3):
            threading.Thread(target=work, daemon=True).start()
        live.counter("c").inc(7)
        time.sleep(0.3)
    """
    path = write_script(tmp_path, text)
    began = time.monotonic()
    status, _, err = run_python(path, env=environment("unix://" + listener.path))
    assert (status, err) == (0, "")
    assert time.monotonic() - began < 10
    assert listener.total("counter", "c") == 7
    assert listener.total("timer", "t") > 100


def test_os_exit_loses_one_interval_at_most(listener, tmp_path):
    """After a bare os._exit what is older than an interval is there; no bye is."""
    text = """
        import os, sys, time
        from waggle_live.live import LiveMetrics
        live = LiveMetrics().open()
        print(time.monotonic(), flush=True)
        live.counter("c").inc()
        sys.stdin.read()
        os._exit(7)
    """
    path = write_script(tmp_path, text)
    with subprocess.Popen(
        [sys.executable, path],
        env=environment("unix://" + listener.path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        begin = float(child.stdout.readline())
        until(lambda: listener.total("counter", "c") == 1)
        child.stdin.close()
        assert child.wait(10) == 7
    until(all_is_read)
    sent = next(m["monotonic"] for m in listener.messages("update") if m["cells"])
    assert sent - begin < 0.25 + PROMISE
    assert listener.messages("bye") == []


def test_a_process_that_stands_still_as_it_ends(listener, tmp_path):
    """For longer than it may wait, as on a machine with too much to do: all is told even so."""
    text = """
        import os, signal
        from waggle_live.live import LiveMetrics
        live = LiveMetrics(interval=60)
        is_over = []
        def ask():
            if is_over:
                is_over.pop()
                os.kill(os.getpid(), signal.SIGSTOP)
            return 1
        live.gauge("g").set_function(ask)
        live.counter("c").inc()
        assert live.flush(5)
        live.counter("c").inc()
        is_over.append(True)
    """
    path = write_script(tmp_path, text)
    env = environment("unix://" + listener.path)
    with subprocess.Popen([sys.executable, path], env=env) as child:
        assert os.WIFSTOPPED(os.waitpid(child.pid, os.WUNTRACED)[1])
        time.sleep(0.7)
        while child.poll() is None:
            child.send_signal(signal.SIGCONT)
            time.sleep(0.01)
    assert child.returncode == 0
    until(all_is_read)
    assert listener.total("counter", "c") == 2
    assert [message["status"] for message in listener.messages("bye")] == ["ok"]


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_signals_keep_their_default_action(listener, tmp_path, signum):
    """The library installs no handler: a signal ends the process as it would without us."""
    text = """
        import time
        from waggle_live.live import LiveMetrics
        with LiveMetrics() as live:
            live.counter("c").inc()
            live.flush(5)
            print("ready", flush=True)
            time.sleep(30)
    """
    path = write_script(tmp_path, text)
    child = subprocess.Popen(
        [sys.executable, path],
        env=environment("unix://" + listener.path),
        stdout=subprocess.PIPE,
    )
    with child:
        assert child.stdout.readline() == b"ready\n"
        os.kill(child.pid, signum)
        assert child.wait(10) == -signum
    assert listener.total("counter", "c") == 1
