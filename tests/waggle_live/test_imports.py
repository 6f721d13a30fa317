"""What an import loads: the wire must not bring pywaggle, nor the client the collector."""

import ast
import os
import sys

import pytest

from .helpers import ROOT, environment, run_python

PACKAGE = ROOT / "waggle_live"


@pytest.mark.parametrize(
    "module",
    [
        "waggle_live",
        "waggle_live.wire.protocol",
        "waggle_live.wire.histogram",
        "waggle_live.wire.errors",
        "waggle_live.live",
        "waggle_live.run.hooks",
        "waggle_live.run.sigterm",
        "waggle_live.__main__",
    ],
)
def test_importing_does_not_load_pywaggle(module):
    """Neither pywaggle nor its AMQP client, which takes 15 MiB, nor asyncio."""
    program = (
        "import sys, %s; print([name for name in "
        "('pika', 'waggle', 'asyncio', 'multiprocessing', 'waggle_live_collector') "
        "if name in sys.modules])" % module
    )
    assert run_python("-c", program, env=environment()) == (0, "[]\n", "")


def test_what_run_loads_into_each_python():
    """Next to nothing, for each Python that a plugin starts loads it, be it a plugin or not."""
    program = "import sys; print(sorted(sys.modules))"
    loaded = []
    for start in ("", os.path.join(str(PACKAGE), "run", "start") + os.pathsep):
        env = environment()
        env["PYTHONPATH"] = start + env["PYTHONPATH"]
        status, out, err = run_python("-c", program, env=env)
        assert (status, err) == (0, "")
        loaded.append(set(ast.literal_eval(out)))
    ours = {"hooks", "sysexit"} | ({"tracebacks"} if sys.version_info < (3, 11) else set())
    beside = {"sitecustomize", "waggle_live", "waggle_live.version", "waggle_live.run"}
    beside |= {"waggle_live.frames"} if sys.version_info < (3, 11) else set()
    assert loaded[1] - loaded[0] <= beside | {"waggle_live.run." + name for name in ours}


def test_the_wire_loads_nothing_of_the_client():
    """The wire, the histogram and the errors: no socket, no thread, no part of either side."""
    program = (
        "import sys, waggle_live.wire.refusal, waggle_live.wire.histogram\n"
        "print(sorted(n for n in sys.modules if n.startswith('waggle_live')))\n"
        "print([n for n in ('socket', 'threading', 'select') if n in sys.modules])"
    )
    status, out, err = run_python("-S", "-c", program, env=environment())
    assert (status, err) == (0, "")
    modules, others = out.splitlines()
    wire = {"version", "wire", "wire.errors", "wire.histogram", "wire.labels", "wire.protocol"}
    wire.add("wire.refusal")
    assert set(ast.literal_eval(modules)) == {"waggle_live"} | {"waggle_live." + n for n in wire}
    assert others == "[]"


def test_plugin_and_live_are_there_when_asked_for():
    """``from waggle_live import Plugin, LiveMetrics``, and an error for what isn't there."""
    import waggle_live

    assert waggle_live.Plugin.__name__ == "Plugin"
    assert waggle_live.LiveMetrics.__name__ == "LiveMetrics"
    assert waggle_live.__version__
    for name in waggle_live.__all__:
        assert getattr(waggle_live, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        waggle_live.nonsense  # noqa: B018
    with pytest.raises(ImportError):
        from waggle_live import nonsense  # noqa: F401


def test_the_client_needs_nothing_but_pywaggle_and_the_standard_library():
    """No other library is imported anywhere, and pywaggle by one module."""
    standard = (
        "_signal _socket _thread argparse ast asyncio atexit binascii bisect collections "
        "contextlib copy ctypes enum fcntl functools glob heapq importlib inspect json logging "
        "math numbers operator os posix pytau re shlex shutil signal sitecustomize socket stat "
        "subprocess sys tempfile termios threading time traceback types typing weakref"
    )
    uses_pywaggle = []
    for path in PACKAGE.rglob("*.py"):
        found = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module.split(".")[0])
        if "waggle" in found:
            uses_pywaggle.append(path.name)
        # What `waggle-live top` hands over to, where it is installed.
        beside = {"waggle_live_controller"} if path.name == "__main__.py" else set()
        assert found <= {*standard.split(), "waggle", "waggle_live", *beside}, path
    assert uses_pywaggle == ["plugin.py"]


def test_sources_are_of_python_3_6():
    """No syntax newer than 3.6, where this Python can tell (3.8 and later)."""
    for path in PACKAGE.rglob("*.py"):
        try:
            ast.parse(path.read_text(), feature_version=(3, 6))
        except TypeError:
            pytest.skip("this Python is too old to tell; it is one of those that must run it")


def test_the_types_are_shipped():
    """``py.typed`` lies beside the modules, so that type checkers read our annotations."""
    import waggle_live

    assert os.path.exists(os.path.join(os.path.dirname(waggle_live.__file__), "py.typed"))
