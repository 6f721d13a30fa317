"""The sampler in programs: forks, spawned processes, greenlets, interpreters and their ends."""

import sys

import pytest

from tests.programs import needs

from ...helpers import environment, run_python, write_script
from .plugins import functions, play, said


@pytest.mark.parametrize("given", ["profile=100", "variable"])
def test_a_forked_child_samples_anew(listener, tmp_path, given):
    """It begins a session of its own with its first sample, if it was told to profile."""
    text = """
live = LiveMetrics(plugin_name="p", interval=0.05%s).open()

def in_child():
    work(0.5)

def in_parent():
    work(0.3)

in_parent()
pid = os.fork()
if pid == 0:
    in_child()
    live.flush(5)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
live.close()
""" % (", profile=100" if given != "variable" else "")
    variables = {"WAGGLE_LIVE_PROFILE": "100"} if given == "variable" else {}
    play(listener, tmp_path, text, **variables)
    sessions = list(dict.fromkeys(listener.sessions))
    assert len(sessions) == 2
    parent, child = (functions(listener, each) for each in sessions)
    assert "work" in parent
    assert "work" in child
    assert child["work"]["inclusive"] > 0.1
    assert "in_parent" not in child


def test_a_fork_in_the_middle_of_everything(listener, tmp_path):
    """Forks beside a fast sampler neither hang nor crash, be they of threads."""
    text = """
live = LiveMetrics(plugin_name="p", profile=200, interval=0.02).open()

def forking():
    for _ in range(15):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0

threads = [threading.Thread(target=forking) for _ in range(3)]
[thread.start() for thread in threads]
forking()
[thread.join() for thread in threads]
live.close()
"""
    play(listener, tmp_path, text)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_of_multiprocessing(listener, tmp_path, method):
    """Each samples, and nothing is lost at their ends."""
    text = """
import multiprocessing
live = LiveMetrics(plugin_name="p", profile=100)

def child(seconds):
    live.open()
    work(seconds)

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    processes = [multiprocessing.Process(target=child, args=(0.5,)) for _ in range(2)]
    [process.start() for process in processes]
    [process.join() for process in processes]
    assert [process.exitcode for process in processes] == [0, 0]
"""
    play(listener, tmp_path, text, method)
    assert functions(listener)["work"]["inclusive"] > 0.5


@pytest.mark.parametrize("library", ["gevent", "eventlet"])
def test_greenlets(listener, tmp_path, library):
    """They share a thread of the system; the one that runs is seen, patched or not."""
    needs(library)
    patch = {
        "gevent": "from gevent import monkey; monkey.patch_all(); import gevent; go = gevent.spawn",
        "eventlet": "import eventlet; eventlet.monkey_patch(); go = eventlet.spawn",
    }[library]
    text = (
        patch
        + """
import sys, time, threading
from waggle_live.live import LiveMetrics

def greenlet():
    end = time.process_time() + 0.6
    while time.process_time() < end:
        sum(range(500))

live = LiveMetrics(plugin_name="p", profile=100).open()
one, two = go(greenlet), go(time.sleep, 0.1)
(one.join if hasattr(one, "join") else one.wait)()
live.close()
"""
    )
    path = write_script(tmp_path, text)
    env = environment("unix://" + listener.path, PYTHONWARNINGS="ignore")
    status, _, err = run_python(path, env=env)
    assert (status, said(err)) == (0, "")
    found = functions(listener)
    assert found["greenlet"]["exclusive"] > 0.2
    if sys.version_info >= (3, 8):
        assert found["greenlet"]["exclusive_cpu"] > 0.2


@pytest.mark.parametrize(
    "end", ["", "sys.exit(3)", "os._exit(3)", "raise KeyError", "work(0.1); live.close()"]
)
def test_the_interpreters_end(listener, tmp_path, end):
    """Whatever ends it, in the middle of samples: no word of ours, and its own status."""
    text = """
import os, sys, threading, time
from waggle_live.live import LiveMetrics
def work(seconds):
    end = time.time() + seconds
    while time.time() < end:
        pass
live = LiveMetrics(plugin_name="p", profile=200).open()
threads = [threading.Thread(target=work, args=(9,), daemon=True) for _ in range(3)]
[thread.start() for thread in threads]
work(0.1)
%s
"""
    path = write_script(tmp_path, text % end)
    env = environment("unix://" + listener.path)
    for _ in range(3):
        status, _, err = run_python(path, env=env)
        assert status == {"": 0, "raise KeyError": 1, "work(0.1); live.close()": 0}.get(end, 3)
        err = said(err)
        assert err == "" or end == "raise KeyError"
        assert "waggle_live" not in err


def test_another_interpreter_in_the_process(listener, tmp_path):
    """Its frames are not ours to read: no sample is taken while there is one, and no crash."""
    text = """
try:
    import _interpreters as interpreters
except ImportError:
    try:
        import _xxsubinterpreters as interpreters
    except ImportError:
        sys.exit()
live = LiveMetrics(plugin_name="p", profile=200).open()
made = interpreters.create()
code = "import time; end = time.time() + 0.5\\nwhile time.time() < end: pass"
run = getattr(interpreters, "exec", None) or interpreters.run_string
thread = threading.Thread(target=run, args=(made, code))
thread.start()
work(0.2)
thread.join()
interpreters.destroy(made)
work(0.2)
live.close()
"""
    play(listener, tmp_path, text, PYTHONWARNINGS="ignore")
