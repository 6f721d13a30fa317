"""Which pywaggle is measured: the oldest that we take is, one before it is left alone."""

import os

import pytest

from ..helpers import environment, oldest_pywaggle, run_python, write_script
from .running import RUN

pytestmark = pytest.mark.oldest_and_newest

#: Plugins as they were written for pywaggle 0.52; the publisher has nobody to send to.
PLUGIN = """
    import multiprocessing, os, sys
    from pathlib import Path
    from waggle.plugin import Plugin, PluginConfig, Uploader
    import waggle.plugin

    def make():
        config = PluginConfig("plugin", "plugin", "127.0.0.1", 9, "pod")
        return Plugin(config, Uploader(Path("uploads")))

    def use(name):
        with make() as plugin:
            plugin.publish(name, 1, {"camera": "top"}, 1700000000123456789, "node")
            with plugin.timeit("timed"):
                pass
            Path(name).write_text("picture")
            plugin.upload_file(name, timestamp=1700000000123456789, keep=True)
            for call in (lambda: plugin.publish("Bad", 1), lambda: plugin.get(timeout=0)):
                try:
                    call()
                except Exception as error:
                    print(type(error).__name__, error, flush=True)
            bodies = [plugin.send.get_nowait() for _ in range(plugin.send.qsize())]
        return [body for body in bodies if "timed" not in str(body.body)], bool(plugin.tasks)

    if __name__ == "__main__":
        assert "pywaggle-oldest" in waggle.plugin.__file__
        print(use("main"), sorted(path.name for path in Path("uploads").iterdir()), flush=True)
        for method in ("fork", "spawn", "forkserver"):
            child = multiprocessing.get_context(method).Process(target=use, args=[method])
            child.start()
            child.join()
            print(method, child.exitcode, flush=True)
        with make() as plugin:
            sys.exit(3)
"""


def test_the_oldest(listener, tmp_path):
    """The oldest pywaggle that we take is measured, and behaves as it does without us."""
    seen = []
    for launcher in ((), RUN):
        directory = tmp_path / str(len(launcher))
        directory.mkdir()
        env = environment("unix://" + listener.path)
        env["PYTHONPATH"] = os.pathsep.join([oldest_pywaggle(), env["PYTHONPATH"]])
        path = write_script(directory, PLUGIN)
        seen.append(run_python(*launcher, path, env=env, cwd=str(directory)))
    assert seen[1] == seen[0]
    assert seen[0][0] == 3
    assert listener.total("timer", "timed") == listener.total("messages", "timed") == 4
    assert listener.total("messages", "main") == 1
    assert listener.total("uploads", "") == 4


#: Stand-ins of the shape of older ones, which no package index has: up to 0.51 a module with
#: Plugin, up to 0.46 one with functions.
OLDER = {
    "0.51": """
        class Plugin:
            def __enter__(self): return self
            def __exit__(self, *_): pass
            def publish(self, name, value): print(name, value, flush=True)
    """,
    "0.46": """
        def init(): print("init", flush=True)
        def publish(name, value): print(name, value, flush=True)
    """,
}
USES = {
    "0.51": """
        from more import more
        from waggle.plugin import Plugin
        with Plugin() as plugin:
            plugin.publish("a", 1)
            more()
    """,
    "0.46": """
        from more import more
        from waggle import plugin
        plugin.init()
        plugin.publish("a", 1)
        more()
    """,
}
MORE = """
    import os, subprocess, sys
    def more():
        print(os.environ.get("PYTHONPATH"), len(sys.meta_path), flush=True)
        subprocess.check_call([sys.executable, "-c", "import sys, waggle.plugin; print(sys.path)"])
        if os.environ.get("END"):
            sys.exit(3)
        1 / 0
"""
NOT_MEASURED = "waggle-live: this pywaggle is older than 0.52: the plugin is not measured\n"


@pytest.fixture(params=sorted(OLDER))
def older(request, tmp_path):
    """The version of a stand-in that is found in place of pywaggle, and its environment."""
    (tmp_path / "waggle").mkdir()
    write_script(tmp_path / "waggle", "", "__init__.py")
    write_script(tmp_path / "waggle", OLDER[request.param], "plugin.py")
    env = environment("off")
    env["PYTHONPATH"] = os.pathsep.join([str(tmp_path), env["PYTHONPATH"]])
    return request.param, env


@pytest.mark.parametrize("end", ["", "yes"])
def test_an_older_one(older, tmp_path, end):
    """A plugin with an older pywaggle runs as without us, its children too; one line says that it
    isn't measured."""
    version, env = older
    write_script(tmp_path, MORE, "more.py")
    path = write_script(tmp_path, USES[version])
    env["END"] = end
    plain, run = (run_python(*launcher, path, env=env) for launcher in ((), RUN))
    assert plain[0] == (3 if end else 1)
    assert run == (plain[0], plain[1], NOT_MEASURED + plain[2])


def test_our_plugin_with_an_older_one(older):
    """``from waggle_live import Plugin`` says what it needs; LiveMetrics works."""
    status, out, err = run_python("-c", "from waggle_live import Plugin", env=older[1])
    assert (status, out) == (1, "")
    assert err.splitlines()[-1] == (
        "ImportError: waggle_live.Plugin needs pywaggle 0.52 or later; this one is older "
        "(waggle_live.LiveMetrics needs none)"
    )
    code = "from waggle_live import LiveMetrics; LiveMetrics().counter('c').inc()"
    assert run_python("-c", code, env=older[1]) == (0, "", "")


def test_our_plugin_without_pywaggle(tmp_path):
    """What is missing is named, be it pywaggle or what it needs."""
    env = environment("off")
    for code in ("raise ImportError('no pika', name='pika')", "import nothing"):
        write_script(tmp_path, code, "pika.py")
        env["PYTHONPATH"] = os.pathsep.join([str(tmp_path), environment()["PYTHONPATH"]])
        status, _, err = run_python("-c", "from waggle_live import Plugin", env=env)
        assert status == 1
        assert err.splitlines()[-1].endswith(("no pika", "No module named 'nothing'"))
