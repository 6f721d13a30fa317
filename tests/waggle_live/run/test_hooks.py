"""What ``waggle-live run`` switches on in an unmodified plugin, and in its children."""

import importlib.machinery
import os
import sys

import pytest

from waggle_live.run import hooks

from ..helpers import environment, run_python, write_script
from .running import RUN, run

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


def test_a_python_that_is_too_old_for_us(tmp_path):
    """Another Python, for which waggle_live is no valid source, starts without a word."""
    (tmp_path / "waggle_live").mkdir()
    write_script(tmp_path / "waggle_live", "print 'Python 2'", "__init__.py")
    env = environment("off")
    start = os.path.join(env["PYTHONPATH"], "waggle_live", "run", "start")
    env["PYTHONPATH"] = os.pathsep.join([start, str(tmp_path)])
    assert run_python("-c", "print('ran')", env=env, cwd=str(tmp_path)) == (0, "ran\n", "")


def test_threads_that_import_at_once(tmp_path):
    """None of them sees a library that isn't patched yet."""
    text = """
        import threading
        found = []
        def work():
            barrier.wait()
            from waggle.plugin import Plugin
            found.append(Plugin)
        barrier = threading.Barrier(8)
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        import waggle_live
        print([plugin is waggle_live.Plugin for plugin in found] == [True] * 8)
    """
    path = write_script(tmp_path, text)
    assert run_python(*RUN, path, env=environment("off")) == (0, "True\n", "")


def test_a_patch_that_fails(monkeypatch, tmp_path, caplog):
    """It is logged with its traceback, and the library works without."""
    write_script(tmp_path, "works = True", "made_up_library.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(hooks.PATCHES, "made_up_library", ".made_up_patch")
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    hooks.install()
    import made_up_library

    assert made_up_library.works
    assert type(made_up_library.__spec__) is importlib.machinery.ModuleSpec
    (record,) = caplog.records
    assert record.getMessage() == "live metrics: made_up_library is not measured"
    assert "made_up_patch" in str(record.exc_info[1])


def test_finders_of_another_kind(monkeypatch, tmp_path):
    """A finder without ``find_spec``, and specs of another class, are left to Python."""
    write_script(tmp_path, "works = True", "made_up_module.py")
    monkeypatch.setitem(hooks.PATCHES, "made_up_module", ".made_up_patch")

    class Spec(importlib.machinery.ModuleSpec):
        pass

    class Finder:
        def find_spec(self, name, path=None, target=None):
            if name == "made_up_module":
                loader = importlib.machinery.SourceFileLoader(name, str(tmp_path / (name + ".py")))
                return Spec(name, loader)
            return None

    for finders in ([Finder()], [object(), Finder()]):
        monkeypatch.setattr(sys, "meta_path", finders)
        hooks.install()
        found = sys.meta_path[0].find_spec("made_up_module")
        assert found is None or type(found) is Spec
