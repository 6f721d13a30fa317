"""A plugin that forks again and again while its threads record and its sender sends.

Arguments: how (os-fork, exec, subprocess, or fork, spawn, forkserver of multiprocessing); how
many children. Every process looks for sockets that it shares with its parent, and prints how
much it recorded on a line of its own.
"""

import multiprocessing
import os
import subprocess
import sys
import threading
import time

from waggle_live import LiveMetrics

RECORDINGS = 500


def sockets(pid: "int | str") -> "set[str]":
    """Return the sockets that a process has open."""
    found = set()
    for descriptor in os.listdir("/proc/%s/fd" % pid):
        try:
            name = os.readlink("/proc/%s/fd/%s" % (pid, descriptor))
        except OSError:
            continue
        if name.startswith("socket:"):
            found.add(name)
    return found


def report(count: int) -> None:
    """Print a number on a line of its own, in one piece."""
    os.write(1, b"%d\n" % count)


def record(live: LiveMetrics, stop: "threading.Event | None" = None) -> int:
    """Record until told to stop, or ``RECORDINGS`` times; return how often."""
    done = 0
    while not stop.is_set() if stop else done < RECORDINGS:
        live.counter("done").inc()
        with live.timer("block", number=done % 7):
            pass
        done += 1
        if stop and done % 50 == 0:
            time.sleep(0.001)
    return done


def work(live: LiveMetrics) -> None:
    """What a child does: two threads record, and nothing of the parent's is open here."""
    parents = sockets(parent())
    assert not sockets("self") & parents, "a socket of the parent is open in the child"
    counts = []
    threads = [threading.Thread(target=lambda: counts.append(record(live))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert live.flush(10)
    assert not sockets("self") & parents
    report(sum(counts))


def parent() -> int:
    """Return the pid of the plugin that made this process.

    To the kernel a forkserver's child has the server as its parent. The two share the socket over
    which the child was asked for, for as long as the server takes to close its own end.
    """
    made_by = getattr(multiprocessing, "parent_process", lambda: None)()
    return made_by.pid if made_by else os.getppid()


def work_anew() -> None:
    """What a child does that inherits no object."""
    assert not sockets("self") & sockets(parent())
    with LiveMetrics() as live:
        work(live)


def os_fork(live: LiveMetrics, how: str) -> None:
    """Fork by hand and wait for the child's good end."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            if how == "exec":
                live.counter("done").inc()
                report(1)
                assert live.flush(10)
                os.execv(sys.executable, [sys.executable, __file__, "anew", "0"])
            work(live)
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0


def one_child(live: LiveMetrics, how: str) -> None:
    """Make one child and wait for its good end."""
    if how in ("os-fork", "exec"):
        os_fork(live, how)
    elif how == "subprocess":
        command = [sys.executable, __file__, "anew", "0"]
        subprocess.run(command, check=True, close_fds=False)
    else:
        context = multiprocessing.get_context(how)
        target, args = (work, (live,)) if how == "fork" else (work_anew, ())
        child = context.Process(target=target, args=args)
        child.start()
        child.join()
        assert child.exitcode == 0, child.exitcode


def main(how: str, children: int) -> None:
    stop, counts = threading.Event(), []
    with LiveMetrics() as live:
        assert live.flush(10)
        before = len(os.listdir("/proc/self/fd"))
        recording = [
            threading.Thread(target=lambda: counts.append(record(live, stop))) for _ in range(2)
        ]

        failed = []

        def fork() -> None:
            try:
                for _ in range(children):
                    one_child(live, how)
                    assert live.flush(10), "the parent's sender is stuck"
            except BaseException as error:
                failed.append(error)

        forking = [threading.Thread(target=fork) for _ in range(2)]
        for thread in recording + forking:
            thread.start()
        for thread in forking:
            thread.join()
        stop.set()
        for thread in recording:
            thread.join()
        if failed:
            raise failed[0]
        report(sum(counts))
        helpers = how in ("spawn", "forkserver")  # multiprocessing keeps pipes to them
        assert len(os.listdir("/proc/self/fd")) <= before + 4 * helpers, "a descriptor is left"
        assert threading.active_count() == 2, threading.enumerate()


if __name__ == "__main__":
    if sys.argv[1] == "anew":
        work_anew()
    else:
        main(sys.argv[1], int(sys.argv[2]))
