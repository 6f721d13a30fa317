"""SIGTERM under ``waggle-live run``: what is left is sent, by the plugin and by its children."""

import signal
import subprocess
import sys

import pytest

from ..helpers import environment, write_script
from .running import RUN, run

CHILDREN = """
    import multiprocessing, os, signal, sys, time

    def work():
        from waggle.plugin import Plugin
        import waggle_live
        assert issubclass(Plugin, waggle_live.Plugin)
        plugin = Plugin()
        with plugin.live:
            plugin.live.counter("child").inc()

    def hang():
        from waggle.plugin import Plugin
        live = Plugin().live.open()
        live.counter("hanging").inc()
        print("ready", flush=True)
        time.sleep(30)

    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        processes = [context.Process(target=work) for _ in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(20)
        print([process.exitcode for process in processes])
        process = context.Process(target=hang)
        process.start()
        time.sleep(float(sys.argv[2]))
        process.terminate()
        process.join(20)
        print(process.exitcode)
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing(listener, tmp_path, method):
    """Children are patched too; one that is terminated sends what it has and ends as expected."""
    status, out, err = run(listener, tmp_path, CHILDREN, method, "1.5")
    assert (status, err) == (0, "")
    # The fork server of Python 3.6 knows of no signals.
    expected = 255 if method == "forkserver" and sys.version_info < (3, 7) else -15
    assert out == "[0, 0]\nready\n%d\n" % expected
    assert listener.total("counter", "child") == 2
    assert listener.total("counter", "hanging") == 1


def test_sigterm_is_a_clean_exit(listener, tmp_path):
    """SIGTERM runs with blocks and atexit, sends all there is, and says 143."""
    path = write_script(
        tmp_path,
        """
        import atexit, time
        from waggle.plugin import Plugin
        atexit.register(print, "atexit", flush=True)
        live = Plugin().live
        live._interval = 30
        with live:
            try:
                for _ in range(5000):
                    with live.timer("t"):
                        pass
                print("ready", flush=True)
                time.sleep(30)
            finally:
                live.counter("last").inc()
        """,
    )
    child = subprocess.Popen(
        [sys.executable, *RUN, path],
        env=environment("unix://" + listener.path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with child:
        assert child.stdout.readline() == b"ready\n"
        child.send_signal(signal.SIGTERM)
        out, err = child.communicate(timeout=10)
    assert (child.returncode, out, err) == (143, b"atexit\n", b"")
    assert listener.total("timer", "t") == 5000
    assert listener.total("counter", "last") == 1
    assert [message["status"] for message in listener.messages("bye")] == ["error"]


def test_an_authors_own_handler_wins(listener, tmp_path):
    """A plugin that handles SIGTERM itself is left alone; so is one that ignores it."""
    text = """
        import os, signal, sys
        signal.signal(signal.SIGTERM, lambda *_: print("mine", flush=True))
        os.kill(os.getpid(), signal.SIGTERM)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.execv(sys.executable, [sys.executable, "-c",
            "import signal; print(signal.getsignal(signal.SIGTERM) == signal.SIG_IGN)"])
    """
    assert run(listener, tmp_path, text) == (0, "mine\nTrue\n", "")
