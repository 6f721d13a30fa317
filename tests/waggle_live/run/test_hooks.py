"""What ``waggle-live run`` switches on in an unmodified plugin, and in its children."""

import os
import signal
import subprocess
import sys

import pytest

from ..helpers import environment, run_python, write_script

RUN = ("-m", "waggle_live", "run", "--")

FAKE_VISION = '''
"""Stands for waggle.data.vision, which needs OpenCV: the same shape of Camera."""
class Camera:
    def __init__(self, device="x"):
        self.device = device
        self.closed = 0
    def stream(self):
        try:
            for i in range(5):
                yield i
        finally:
            self.closed += 1
    def snapshot(self):
        if self.device == "broken":
            raise RuntimeError("no camera")
        return "picture"
'''


def run(listener, tmp_path, text, *arguments, **environ):
    """Run a script under ``waggle-live run``."""
    path = write_script(tmp_path, text)
    env = environment(
        "unix://" + listener.path,
        PYWAGGLE_LOG_DIR=str(tmp_path / "out"),
        WAGGLE_PLUGIN_HOST="127.0.0.1",
        **environ,
    )
    return run_python(*RUN, path, *arguments, env=env)


USE = """
with Plugin() as plugin:
    with plugin.timeit("timed"):
        plugin.publish("a", 1)
"""


@pytest.mark.parametrize(
    "imports",
    [
        "from waggle.plugin import Plugin",
        "from waggle.plugin.plugin import Plugin",
        "import waggle.plugin\nPlugin = waggle.plugin.Plugin",
        "import waggle.plugin.plugin as p\nPlugin = p.Plugin",
        "from waggle import plugin as p\nPlugin = p.Plugin",
        "import importlib\nPlugin = importlib.import_module('waggle.plugin').Plugin",
        "from waggle.plugin import *",
        "import waggle_live\nfrom waggle.plugin import Plugin",
        "from waggle_live import LiveMetrics\nfrom waggle.plugin import Plugin",
        "from waggle_live import Plugin as Ours\nfrom waggle.plugin import Plugin",
        "from waggle_live import Plugin as Ours\nfrom waggle.plugin.plugin import Plugin",
    ],
)
def test_every_style_of_import_is_patched(listener, tmp_path, imports):
    """However a plugin imports pywaggle's Plugin, it gets ours."""
    check = "\nimport waggle_live\nassert issubclass(Plugin, waggle_live.Plugin), Plugin\n"
    assert run(listener, tmp_path, imports + check) == (0, "", "")


def test_an_unmodified_plugin(listener, tmp_path):
    """timeit is a timer, publish is counted; what it publishes is as ever."""
    assert run(listener, tmp_path, "from waggle.plugin import Plugin" + USE) == (0, "", "")
    assert listener.total("timer", "timed") == 1
    assert listener.total("messages", "timed") == listener.total("messages", "a") == 1
    assert [message["status"] for message in listener.messages("bye")] == ["ok"]
    assert listener.messages("hello")[0]["plugin"] == "main"
    assert len((tmp_path / "out" / "data.ndjson").read_text().splitlines()) == 2


def with_fake_vision(text):
    """Return a script that puts a fake waggle.data.vision where pywaggle's would be found."""
    return (
        "import os, sys, types, waggle\n"
        "folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fake')\n"
        "os.makedirs(folder, exist_ok=True)\n"
        "open(os.path.join(folder, 'vision.py'), 'w').write(%r)\n"
        "waggle.data = sys.modules['waggle.data'] = types.ModuleType('waggle.data')\n"
        "waggle.data.__path__ = [folder]\n"
        "from waggle.plugin import Plugin\n"
        "from waggle.data.vision import Camera\n" % FAKE_VISION
    ) + text


def test_camera(listener, tmp_path):
    """Frames of ``stream`` and pictures of ``snapshot`` are rates; the camera behaves as ever."""
    text = with_fake_vision("""
camera = Camera()
assert list(camera.stream()) == [0, 1, 2, 3, 4]  # no plugin is open: not counted
with Plugin() as plugin:
    assert list(camera.stream()) == [0, 1, 2, 3, 4]
    stream = camera.stream()
    assert next(stream) == 0
    stream.close()
    for frame in camera.stream():
        break
    del frame
    import gc; gc.collect()
    assert camera.closed == 4, camera.closed
    assert camera.snapshot() == "picture"
    try:
        Camera("broken").snapshot()
    except RuntimeError as error:
        assert str(error) == "no camera"
    else:
        raise AssertionError
""")
    assert run(listener, tmp_path, text) == (0, "", "")
    assert listener.total("rate", "camera.stream") == 7
    assert listener.total("rate", "camera.snapshot") == 1


def test_camera_beside_an_author_who_uses_the_name(listener, tmp_path):
    """An author's own series of that name wins, and the camera still works."""
    text = with_fake_vision("""
with Plugin() as plugin:
    plugin.live.gauge("camera.stream").set(1)
    assert len(list(Camera().stream())) == 5
""")
    assert run(listener, tmp_path, text) == (0, "", "")
    assert listener.total("gauge", "camera.stream") == 1


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


def test_a_hidden_sitecustomize_still_runs(listener, tmp_path):
    """A sitecustomize further down the path is imported as if ours weren't there."""
    (tmp_path / "site").mkdir()
    write_script(tmp_path / "site", "import builtins; builtins.shadowed = 1", "sitecustomize.py")
    path = write_script(tmp_path, "print(shadowed)")
    env = environment("unix://" + listener.path)
    env["PYTHONPATH"] += os.pathsep + str(tmp_path / "site")
    assert run_python(*RUN, path, env=env) == (0, "1\n", "")


def test_a_module_of_ours_hides_none_of_the_authors(listener, tmp_path):
    """A plugin's own ``hooks`` or ``sitecustomize`` import is its own."""
    (tmp_path / "more").mkdir()
    write_script(tmp_path / "more", "mine = True", "hooks.py")
    text = "import sys; sys.path.append(%r); import hooks; print(hooks.mine)"
    path = write_script(tmp_path, text % str(tmp_path / "more"))
    assert run_python(*RUN, path, env=environment("off")) == (0, "True\n", "")


def test_a_python_without_us(tmp_path):
    """Another Python, where waggle_live can't be imported, starts without a word."""
    autoload = os.path.join(environment()["PYTHONPATH"], "waggle_live", "run", "start")
    env = environment("off")
    env["PYTHONPATH"] = autoload
    status, out, err = run_python("-c", "print('ran')", env=env, cwd=str(tmp_path))
    assert (status, out, err) == (0, "ran\n", "")
