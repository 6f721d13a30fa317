"""Whom the collector can't look at any more: real processes that have ended before it did."""

import contextlib
import json
import signal
import subprocess
import sys

import pytest

from ..harness import start, wait_until
from ..pod_cgroup import PodCgroup
from .test_lookups import CARS, RECORD, redis
from .test_peer import UPDATE, checks, infos, speaking

__all__ = ["redis"]  # a fixture

#: A child connects and ends; the parent speaks over its connection and waits.
INHERITS = """
import os, socket, sys
ours, theirs = socket.socketpair()
if not os.fork():
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(sys.argv[1])
    socket.send_fds(theirs, [b"x"], [sock.fileno()])
    os._exit(0)
_, (descriptor, *_), *_ = socket.recv_fds(ours, 1, 1)
os.wait()
for line in sys.stdin.buffer:
    os.write(descriptor, line)
    print("said", flush=True)
"""


@pytest.mark.parametrize("verify", ["warn", "require"])
def test_who_speaks_over_the_connection_of_a_child_that_has_ended_is_nobody(redis, verify):
    """It claims the pod of a victim: its labels are its own, before the victim's and after."""
    flags = ["--identity.app-meta-cache=" + redis.url, "--identity.verify=" + verify]
    with start(flags=flags) as collector, PodCgroup() as victim, PodCgroup() as pod:
        redis.set(victim.uid, RECORD)
        # The child must have ended before the collector looks.
        collector.signal(signal.SIGSTOP)
        run = [sys.executable, "-c", INHERITS, collector.socket_path]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with pod.run(run, **pipes) as attacker, contextlib.ExitStack() as stack:
            hello = {"type": "hello", "version": 1, "session": "session-2", "key": "key-of-it"}
            for line in ({**hello, "app_id": victim.uid}, UPDATE):
                attacker.stdin.write(json.dumps(line).encode() + b"\n")
                attacker.stdin.flush()
                assert attacker.stdout.readline() == b"said\n"
            collector.signal(signal.SIGCONT)
            wait_until(lambda: checks(collector).get("gone"))
            before = {"warn": {"traffic": "no"}, "require": {}}[verify]
            wait_until(lambda: jobs_of(collector) == before)
            for number in range(3):
                stack.enter_context(speaking(victim, collector, session=f"session-v{number}"))
            wait_until(lambda: collector.value("waggle_plugin_sessions", None, **CARS) == 3)
            after = {f"unproven:{job}": "no" for job in before}
            assert jobs_of(collector) == {"traffic": "yes", **after}
            # Each says hello first, and counts with its next line.
            wait_until(lambda: collector.value("waggle_count_total", 0, **CARS) == 3)


def jobs_of(collector):
    return {info["plugin_job"]: info["verified"] for info in infos(collector)}


def test_a_short_process_is_told(redis):
    """One that has ended before the collector looks is unproven at worst."""
    short = """
import json, os, socket, sys
sock = socket.socket(socket.AF_UNIX)
sock.connect(sys.argv[1])
for line in json.loads(sys.argv[2]):
    sock.sendall(json.dumps(line).encode() + b"\\n")
"""
    hello = {"type": "hello", "version": 1, "session": "session-1", "key": "key-of-the-session"}
    with start(flags=["--identity.app-meta-cache=" + redis.url]) as collector, PodCgroup() as pod:
        redis.set(pod.uid, RECORD)
        collector.signal(signal.SIGSTOP)
        said = json.dumps([{**hello, "app_id": pod.uid}, UPDATE, {"type": "bye", "number": 1}])
        with pod.run([sys.executable, "-c", short, collector.socket_path, said]) as process:
            assert process.wait(30) == 0
        collector.signal(signal.SIGCONT)
        wait_until(lambda: collector.value("waggle_count_total", None, **CARS) == 1)
        assert jobs_of(collector) == {"traffic": "no"}
