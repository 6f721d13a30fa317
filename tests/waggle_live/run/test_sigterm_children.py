"""SIGTERM under ``waggle-live run``, with children and for them."""

import os
import signal
import sys

import pytest

from ..helpers import until
from .running import RUN, run
from .stopping import BLOCKED_IN_C, PLUGIN, check_told, has_group, started, text_of

pytestmark = pytest.mark.oldest_and_newest

CHILDREN = """
    import multiprocessing, os, signal, sys, time

    def work():
        from waggle.plugin import Plugin
        import waggle_live
        assert issubclass(Plugin, waggle_live.Plugin)
        plugin = Plugin()
        with plugin.live:
            plugin.live.counter("child").inc()

    def hang(ready):
        from waggle.plugin import Plugin
        live = Plugin().live.open()
        live.counter("hanging").inc()
        print("ready", flush=True)
        ready.set()
        time.sleep(30)

    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        processes = [context.Process(target=work) for _ in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(20)
        print([process.exitcode for process in processes])
        ready = context.Event()
        process = context.Process(target=hang, args=(ready,))
        process.start()
        ready.wait(20)
        process.terminate()
        process.join(20)
        print(process.exitcode)
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing(listener, tmp_path, method):
    """Children are patched too; one that is terminated sends what it has and ends as expected."""
    status, out, err = run(listener, tmp_path, CHILDREN, method)
    assert (status, err) == (0, "")
    # The fork server of Python 3.6 knows of no signals.
    expected = 255 if method == "forkserver" and sys.version_info < (3, 7) else -15
    assert out == "[0, 0]\nready\n%d\n" % expected
    assert listener.total("counter", "child") == 2
    assert listener.total("counter", "hanging") == 1


PARENTS = {
    "fork": "multiprocessing.get_context('fork').Process(target=hang).start()",
    "spawn": "multiprocessing.get_context('spawn').Process(target=hang).start()",
    "pool": "pool = multiprocessing.get_context('fork').Pool(1); pool.apply_async(hang)",
    "subprocess": "subprocess.Popen('echo; exec sleep 30', shell=True, stderr=subprocess.DEVNULL)",
}
PARENT = """
    import multiprocessing, subprocess
    def hang():
        os.write(1, b"\\n")
        time.sleep(30)
    if __name__ == "__main__":
        ready()
        {start}
        time.sleep(30)
"""


@pytest.mark.parametrize("launcher", [(), RUN], ids=["plain", "run"])
@pytest.mark.parametrize("children", sorted(PARENTS))
def test_a_parent_dies_as_without_us_and_its_children_live_on(
    listener, tmp_path, children, launcher
):
    """It doesn't wait for its children at its end, nor end them."""
    text = PLUGIN + PARENT.format(start=PARENTS[children])
    with started(listener, tmp_path, text, launcher=launcher) as child:
        assert child.stdout.readline() == "\n"  # its child is there
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == -signal.SIGTERM
        assert has_group(child.pid)
    if launcher:
        check_told(listener)


def test_a_forked_child_that_is_stopped_stops_itself_alone(listener, tmp_path):
    """However early the signal comes, it is never taken for its parent's."""
    text = """
ready()
for _ in range(60):
    pid = os.fork()
    if pid == 0:
        while True:
            time.sleep(1)
    os.kill(pid, signal.SIGTERM)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGTERM
print("all", flush=True)
time.sleep(30)
"""
    with started(listener, tmp_path, text_of(text)) as child:
        assert child.stdout.readline() == "all\n"
        assert child.poll() is None
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == -signal.SIGTERM
    check_told(listener)


def test_a_forked_child_sends_its_own_last_samples(listener, tmp_path):
    """The child of a child of os.fork, blocked in C, as its parents do."""
    text = "ready()\nos.fork() or record()\nos.fork()\nos.write(1, b'ready %d\\n' % os.getpid())\n"
    with started(listener, tmp_path, text_of(text + BLOCKED_IN_C)) as child:
        pids = [int(child.stdout.readline().split()[1]) for _ in range(4)]
        assert child.pid in pids
        assert len(set(pids)) == 4
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        assert child.wait(20) == -signal.SIGTERM
        until(lambda: not has_group(child.pid), 20)
    check_told(listener, 2)
