"""Whom the kernel says it is: real processes in cgroups named as pods are."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile

import pytest

from waggle_live_collector.identity import peer

from ..harness import Client, start, wait_until
from ..pod_cgroup import PodCgroup
from ..world import counter
from .test_lookups import CARS, RECORD, app_id, redis

__all__ = ["app_id", "redis"]  # fixtures

UPDATE = {"type": "update", "number": 1, "monotonic": 1.0, "cells": [counter("n", 1)]}


@contextlib.contextmanager
def speaking(pod, collector, **hello):
    """Yield the answer to a hello from a process in the pod, which then has sent a counter."""
    process = pod.speaker(collector)
    try:
        message = {"type": "hello", "version": 1, "session": "session-" + pod.uid[:8]}
        message.update({"key": "key-of-the-session", **hello})
        for line in (message, UPDATE):
            process.stdin.write(json.dumps(line).encode() + b"\n")
        process.stdin.flush()
        yield json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(30)


def checks(collector):
    found = collector.scrape().all("waggle_collector_identity_checks_total")
    return {labels["result"]: value for labels, value in found}


def infos(collector):
    return [labels for labels, _ in collector.scrape().all("waggle_plugin_info")]


@pytest.mark.parametrize("systemd", [False, True])
@pytest.mark.parametrize("claims", [True, False])
def test_a_pod_is_proven_whatever_it_claims(systemd, claims):
    """By both drivers of the kubelet; also where it leaves its app_id out."""
    with start(flags=["--identity.verify=require"]) as collector, PodCgroup(systemd=systemd) as pod:
        claim = {"app_id": pod.uid} if claims else {}
        with speaking(pod, collector, plugin="cars", **claim) as answer:
            assert answer["type"] == "welcome"
            (info,) = wait_until(lambda: infos(collector))
            assert (info["app_id"], info["verified"]) == (pod.uid, "yes")
            assert checks(collector) == {"proven": 1}


def test_a_forged_claim_is_replaced_or_refused():
    """What the kernel says counts; with ``require`` the connection is closed, and counted."""
    victim = "2f0c8a4e-6f2d-4c7e-9d5f-0f6f3b1a7c11"
    with PodCgroup() as pod:
        with start() as collector:
            with speaking(pod, collector, app_id=victim) as answer:
                assert answer["type"] == "welcome"
                (info,) = wait_until(lambda: infos(collector))
                assert (info["app_id"], info["verified"]) == (pod.uid, "yes")
                assert checks(collector) == {"forged": 1}
                wait_until(lambda: f"claims to be pod {victim}" in collector.log())
        with start(flags=["--identity.verify=require"]) as collector:
            with speaking(pod, collector, app_id=victim) as answer:
                assert answer["code"] == "identity"
            assert infos(collector) == []
            refused = collector.value("waggle_collector_refusals_total", reason="identity")
            assert refused == 1
        with start(flags=["--identity.verify=off"]) as collector:
            with speaking(pod, collector, app_id=victim):
                (info,) = wait_until(lambda: infos(collector))
                assert (info["app_id"], info["verified"]) == (victim, "no")


def test_who_is_in_no_pod_is_unproven_or_refused():
    """This very process: its claim holds with ``warn``, and nothing of it with ``require``."""
    with start() as collector, Client(collector) as client:
        client.hello(app_id="2f0c8a4e-6f2d-4c7e-9d5f-0f6f3b1a7c11")
        (info,) = infos(collector)
        assert info["verified"] == "no"
        assert info["app_id"] == "2f0c8a4e-6f2d-4c7e-9d5f-0f6f3b1a7c11"
        assert checks(collector) == {"no_pod": 1}
    with start(flags=["--identity.verify=require"]) as collector, Client(collector) as client:
        answer = client.hello()
        assert answer["code"] == "identity"
        assert "runs in no pod" in answer["text"]
        assert client.read() is None


def test_a_cgroup_of_its_own_making_gains_a_pod_nothing():
    """It may name one below its own as another pod's; the kubelet's comes first."""
    with start() as collector, PodCgroup() as pod, PodCgroup(below=pod) as forged:
        with speaking(forged, collector, app_id=forged.uid) as answer:
            assert answer["type"] == "welcome"
            (info,) = wait_until(lambda: infos(collector))
            assert (info["app_id"], info["verified"]) == (pod.uid, "yes")


def test_a_proven_pod_has_no_labels_but_those_of_its_record(redis):
    """Claiming another's plugin, task and job gains nothing, before the record and after."""
    flags = ["--identity.app-meta-cache=" + redis.url]
    with start(flags=flags) as collector, PodCgroup() as pod:
        claim = {"plugin": "victim", "task": "victim", "job": "victim"}
        with speaking(pod, collector, **claim):
            (found,) = wait_until(lambda: collector.scrape().all("waggle_count_total"))
            labels = found[0]
            assert labels["plugin"] == labels["plugin_task"] == "unknown"
            assert labels["plugin_job"] == "app_id:" + pod.uid
            redis.set(pod.uid, RECORD)
            wait_until(lambda: collector.scrape().all("waggle_count_total", **CARS))
            assert "victim" not in collector.get("/metrics")[2].decode()


def test_another_process_ids_namespace_is_unproven(tmp_path):
    """A collector that doesn't share the host's ids is told 0, which proves nothing."""
    inside = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-m"]
    directory = tempfile.mkdtemp(prefix="wl-", dir="/tmp")
    path = os.path.join(directory, "s")
    arguments = [*inside, "waggle_live_collector", "--socket.path=" + path]
    arguments += ["--web.listen-address=127.0.0.1:0", "--identity.verify=require"]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE) as process:
        try:
            line = process.stderr.readline()
            if b"unshare" in line:
                assert not os.environ.get("CI"), line
                pytest.skip("namespaces can't be made here, only root may: util-linux")
            wait_until(lambda: os.path.exists(path))
            with socket.socket(socket.AF_UNIX) as sock:
                wait_until(lambda: _connects(sock, path))
                hello = {"type": "hello", "version": 1, "session": "session-1"}
                sock.sendall(json.dumps({**hello, "key": "key-of-it"}).encode() + b"\n")
                answer = json.loads(sock.makefile("rb").readline())
            assert answer["code"] == "identity"
            assert "doesn't share the process ids" in answer["text"]
        finally:
            process.terminate()
            subprocess.run(["pkill", "-TERM", "-P", str(process.pid)], check=False)
            process.stderr.close()


def _connects(sock, path):
    return sock.connect_ex(path) == 0


def test_a_process_that_has_ended_proves_nothing():
    """Its number may be another's by now, so it is not looked at."""
    with tempfile.TemporaryDirectory(prefix="wl-") as directory, PodCgroup() as pod:
        path = os.path.join(directory, "s")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            connect = "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])"
            stay = connect + "; sys.stdin.read()"
            living = pod.run([sys.executable, "-c", stay, path], stdin=subprocess.PIPE)
            with listener.accept()[0] as accepted:
                proven = peer.of(accepted, prove=True)
                assert (proven.pod, proven.principal) == (pod.uid, "pod:" + pod.uid)
                found = peer.of(accepted)
                assert found[:3] == (living.pid, os.getuid(), os.getgid())
                assert found.principal == f"uid:{os.getuid()}"
                assert found.process == proven.process
                assert not found.handle.has_ended()
                living.communicate(timeout=30)
                gone = peer.of(accepted, prove=True)
                assert gone.proof == peer.GONE
                assert gone.process not in (found.process, peer.of(accepted).process)
                assert found.handle.has_ended()


def test_processes_of_one_user_are_told_apart():
    """By number and start time; all connections of one process are the same one's."""
    with socket.socket(socket.AF_UNIX) as listener, contextlib.ExitStack() as stack:
        listener.bind("")  # the kernel finds a name
        listener.listen()
        found = []
        connect = "import os, socket, sys; s = socket.socket(socket.AF_UNIX);"
        connect += "s.connect(os.fsencode(sys.argv[1])); sys.stdin.read()"
        path = os.fsdecode(listener.getsockname()[1:])
        connect = connect.replace("os.fsencode", "b'\\0' + os.fsencode")
        for _ in range(2):
            run = [sys.executable, "-c", connect, path]
            process = stack.enter_context(subprocess.Popen(run, stdin=subprocess.PIPE))
            accepted = stack.enter_context(listener.accept()[0])
            assert peer.of(accepted).process == peer.of(accepted).process
            assert peer.of(accepted).process[0] == process.pid
            found.append(peer.of(accepted))
    one, other = found
    assert one.principal == other.principal
    assert one.process != other.process


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_over_tcp_the_address_is_the_principal(family):
    """An IPv4 address is the same one over a socket of both families."""
    if family == socket.AF_INET6 and not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    dual = family == socket.AF_INET6
    with contextlib.ExitStack() as stack:
        listener = socket.create_server(("", 0), family=family, dualstack_ipv6=dual)
        stack.enter_context(listener)
        port = listener.getsockname()[1]
        stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        accepted = stack.enter_context(listener.accept()[0])
        one, again = peer.of(accepted), peer.of(accepted)
        assert one.principal == "address:127.0.0.1"
        assert one.process != again.process


@pytest.mark.alone
def test_a_number_that_is_another_process_s_by_now_proves_nothing():
    """Who connected left its descriptor to a child and ended; a pod's process has its number."""
    connect = (
        "import os, socket, sys, time; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        "os.fork() or time.sleep(10)"
    )
    with tempfile.TemporaryDirectory(prefix="wl-") as directory, PodCgroup() as victim:
        path = os.path.join(directory, "s")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            with subprocess.Popen([sys.executable, "-c", connect, path]) as process:
                process.wait(30)
            successor = _with_number(victim, process.pid)
            try:
                with listener.accept()[0] as accepted:
                    if not _has_pidfd(accepted):
                        pytest.skip("this kernel can't tell (Linux 6.5 can); SECURITY.md says so")
                    found = peer.of(accepted, prove=True)
                    assert found.pid == successor.pid
                    assert found.proof == peer.GONE
            finally:
                successor.kill()
                successor.wait(30)


def _with_number(pod, number):
    """Return a process in the pod that has this very number, which is free."""
    for _ in range(500):
        try:
            with open("/proc/sys/kernel/ns_last_pid", "w") as file:
                file.write(str(number - 1))
        except OSError as error:
            pytest.skip(f"numbers of processes can't be chosen here: {error}")
        process = pod.run(["sleep", "30"])
        if process.pid == number:
            return process
        process.kill()
        process.wait(30)
    return pytest.skip("the number was taken by others each time")


def _has_pidfd(sock):
    try:
        os.close(sock.getsockopt(socket.SOL_SOCKET, 77))
    except OSError as error:
        return error.errno != 92  # ENOPROTOOPT: before Linux 6.5
    return True
