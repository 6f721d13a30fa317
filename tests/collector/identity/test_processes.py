"""What a controller is told of each process: whom it would act on, and what of it is proven."""

import json
import os
import signal
from pathlib import Path

from waggle_live_collector.identity import peer

from ..harness import Client, start, wait_until
from ..patience import SAVES
from ..pod_cgroup import ID, PodCgroup
from ..world import World, counter
from .test_lookups import RECORD, redis
from .test_peer import speaking

__all__ = ["redis"]  # a fixture


def processes(collector):
    """Return those of its only plugin."""
    status, _, body = collector.get("/api/v1/plugins")
    assert status == 200
    plugins = json.loads(body)["plugins"]
    return plugins[0]["processes"] if plugins else []


def started(pid):
    """Return when a process started, as the kernel says."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def test_a_process_is_the_one_that_the_kernel_says():
    """Whatever it claims; its start tells it from one that gets its number later."""
    with start() as collector, Client(collector) as client:
        client.hello(pid=1, host="claimed", start_time=1.5)
        (told,) = processes(collector)
    assert (told["pid"], told["pid_verified"]) == (os.getpid(), True)
    assert told["started_ticks"] == started(os.getpid())
    assert (told["host"], told["host_verified"]) == ("claimed", False)
    assert (told["state"], told["start"]) == ("up", 1.5)


def test_a_process_of_a_proven_pod_has_its_container_and_host(redis):
    """The container by its cgroup, the host by the stack's record and not by its claim."""
    with start(flags=["--identity.app-meta-cache=" + redis.url]) as collector:
        with PodCgroup(systemd=True) as pod:
            redis.set(pod.uid, RECORD)
            with speaking(pod, collector, pid=7, host="elsewhere"):
                (told,) = wait_until(lambda: processes(collector))
                assert (told["container"], told["container_verified"]) == (ID, True)
                assert (told["host"], told["host_verified"]) == ("000048b02d0766be.ws-nxcore", True)
                assert told["pid_verified"] and started(told["pid"]) == told["started_ticks"]


def test_over_tcp_all_of_it_is_a_claim():
    """A number of another pid namespace, which nobody here may take for one of its own."""
    world = World()
    world.peer("session-1", peer.Peer(proof=peer.TCP, tcp=True), pid=7, host="h")
    world.peer("session-2", peer.Peer(proof=peer.NO_PID))
    first, second = json.loads(world.json())["plugins"][0]["processes"]
    nothing = {"started_ticks": None, "container": None, "container_verified": False}
    nothing |= {"pid_verified": False, "host_verified": False, "state": "up"}
    assert {**first, "start": 0} == {"pid": 7, "host": "h", **nothing, "start": 0}
    assert {**second, "start": 0} == {"pid": None, "host": None, **nothing, "start": 0}


def test_states_of_processes():
    """Each its own; one that has ended has no number that holds; one that said so is no more."""
    world = World()
    pid, ended = os.fork(), None
    if not pid:
        signal.pause()
        os._exit(0)
    try:
        handle = peer.Handle(os.pidfd_open(pid))
        speaks = world.peer("session-1", peer.Peer(pid=pid, handle=handle))
        quiet = world.peer("session-2", peer.Peer(pid=os.getpid()))
        world.peer("session-3").bye()
        world.time.pass_(5)
        speaks.update(1, counter("n", 1))

        def told():
            rows = json.loads(world.json())["plugins"][0]["processes"]
            return [(row["pid"], row["pid_verified"], row["state"]) for row in rows]

        # Without a handle nobody can say whether the number is still its own.
        assert told() == [(pid, True, "up"), (os.getpid(), False, "silent")]
        speaks.protocol.end_of_file()
        quiet.protocol.end_of_file()
        assert told() == [(pid, True, "silent"), (os.getpid(), False, "silent")]
        os.kill(pid, signal.SIGKILL)
        ended = os.waitid(os.P_PID, pid, os.WEXITED)
        assert told() == [(pid, False, "ended"), (os.getpid(), False, "silent")]
        world.processes.sweep()
        assert told() == [(os.getpid(), False, "silent")]
    finally:
        if ended is None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def test_what_the_kernel_told_is_told_anew_after_a_restart():
    """The state file keeps the claim alone, until the process is back."""
    with start(program=SAVES) as collector, Client(collector) as client:
        client.hello(pid=1)
        client.update(1, [counter("n", 1)])
        client.flush()
        assert collector.value("waggle_count_total", name="n") == 1
        collector.kill()
        collector.start()
        (told,) = processes(collector)
        assert (told["pid"], told["pid_verified"], told["state"]) == (1, False, "silent")
