"""A plugin under ``waggle-live run`` is what it is without: its status, its output, its data."""

import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap

import pytest

from ..helpers import environment, write_script
from .running import RUN

pytestmark = pytest.mark.oldest_and_newest

#: What each program begins with. Leaving the block takes pywaggle a second, so few programs do.
IMPORT = """\
import atexit, multiprocessing, os, signal, subprocess, sys, threading, time, traceback, warnings
from waggle.plugin import Plugin
"""
OPEN = """
with Plugin() as plugin:
    plugin.publish("count", 1)
    with plugin.timeit("timed"):
        plugin.publish("text", "x", meta={"camera": "top"})
"""
INTERRUPT = "os.kill(os.getpid(), signal.SIGINT); time.sleep(5)"

#: In the block of an open plugin.
INSIDE = {
    "a good end": "pass",
    "an exception": "raise ValueError('x')",
    "an exception of an exception": """
        try:
            1 / 0
        except ZeroDivisionError as error:
            raise RuntimeError("y") from error""",
    "SIGINT": INTERRUPT,
    "SIGINT in a timer": "with plugin.timeit('x'): " + INTERRUPT,
    "SIGINT in pywaggle": """
        plugin.recv.not_empty.wait = lambda: os.kill(os.getpid(), signal.SIGINT)
        plugin.get()""",
    "an error in pywaggle": "plugin.publish('no/name', 1)",
    "an error in pywaggle, in a thread": """
        threading.Thread(target=plugin.publish, args=("no/name", 1), name="mine").start()""",
    "an error that came of one in pywaggle": """
        try:
            plugin.publish("no/name", 1)
        except ValueError:
            raise KeyError("x")""",
    "SIGINT caught": """
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        except KeyboardInterrupt:
            print("interrupted")""",
    "an exception in a timer": "with plugin.timeit('x'): 1 / 0",
    "sys.exit with a status": "sys.exit(3)",
    "sys.exit with a text": "sys.exit('why')",
    "a SystemExit of its own": "class Mine(SystemExit): pass\nraise Mine(5)",
    "os._exit": "os._exit(4)",
    "abort": "os.abort()",
    "SIGKILL": "os.kill(os.getpid(), signal.SIGKILL)",
    "children by every method": """
        for method in ("fork", "spawn", "forkserver"):
            for status in (0, 3, "why"):
                child = multiprocessing.get_context(method).Process(target=sys.exit, args=[status])
                child.start()
                child.join()
                print(method, child.exitcode, flush=True)""",
    "programs": """
        for code in ("import sys; print(sys.path, sys.flags); sys.exit(3)", "1 / 0"):
            print(subprocess.call([sys.executable, "-c", code]), flush=True)
        print(subprocess.call(["sh", "-c", "echo said; exit 4"]))""",
}
#: Where Plugin is imported and not opened.
OUTSIDE = {
    "sys.exit, printed": """
        def leave():
            sys.exit(3)
        try:
            leave()
        except BaseException:
            traceback.print_exc()
            raise""",
    "an exception in a thread": """
        thread = threading.Thread(target=lambda: 1 / 0, name="mine")
        thread.start()
        thread.join()""",
    "sys.exit in a thread": """
        thread = threading.Thread(target=sys.exit, args=(3,))
        thread.start()
        thread.join()""",
    "an exception in atexit": "atexit.register(lambda: 1 / 0)",
    "sys.exit in atexit": "atexit.register(lambda: sys.exit(3))",
    "an exception in __del__": """
        class Deleted:
            def __del__(self):
                raise ValueError("deleted")
        Deleted()
        kept = Deleted()""",
    "recursion": """
        depth = 0
        def deeper():
            global depth
            depth += 1
            deeper()
        try:
            deeper()
        except RecursionError:
            print(depth)
        deeper()""",
    "standard input": "print(sys.stdin.read())",
    "what it sees": """
        print(sys.argv, __file__, __name__, __spec__, sys.path, sys.flags, sys.warnoptions)
        print(sorted(set(os.environ) - {"PYTHONPATH"}), os.getcwd(), os.getpid() == os.getpgrp())
        print(sys.excepthook is sys.__excepthook__, sys.gettrace(), sys.getswitchinterval())
        print(sys.stdout.encoding, sys.getfilesystemencoding(), sys.getrecursionlimit())
        print(sys.stdin, sys.stderr, threading.active_count(), signal.getsignal(signal.SIGINT))""",
    "what cannot be encoded": "print('\\u20ac'.encode().decode('ascii', 'surrogateescape'))",
    "warnings": "warnings.warn('mine', UserWarning); warnings.warn('old', DeprecationWarning)",
    "a forked child": """
        pid = os.fork()
        if pid == 0:
            sys.exit(7)
        print(os.waitpid(pid, 0)[1])""",
    "a child that raises": """
        def child():
            raise ValueError("in the child")
        if __name__ == "__main__":
            for method in ("fork", "spawn", "forkserver"):
                process = multiprocessing.get_context(method).Process(target=child, name="child")
                process.start()
                process.join()
                print(process.exitcode, flush=True)""",
    "a pool whose workers raise": """
        def work(number):
            return 1 // number
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.map(work, [1, 2]))
                pool.map(work, [0])""",
}
#: Before the import of Plugin or in its place: imports that fail, and what is seen of good ones.
IMPORTING = {
    "from": "from waggle.data.vision import Camera",
    "import": "import waggle.data.vision",
    "import_module": "import importlib; importlib.import_module('waggle.data.vision')",
    "in a function": "def load():\n    import waggle.data.vision\nload()",
    "caught": """
        import traceback
        try:
            import waggle.data.vision
        except Exception:
            traceback.print_exc()
            print(sorted(name for name in sys.modules if name.startswith("waggle.data")))
        import waggle.data.vision""",
    "a finder that refuses": """
        class Refusing:
            def find_spec(self, name, path=None, target=None):
                if name == "waggle.data.vision":
                    raise ImportError("not here")
        sys.meta_path.insert(0, Refusing())
        sys.meta_path.append(Refusing())
        import waggle.data.vision""",
    "runpy": "import runpy; runpy.run_module('waggle.data.vision', run_name='__main__')",
}
SEEN = """
import importlib, importlib.util, inspect, pickle, pkgutil, sys
print(importlib.util.find_spec("waggle.plugin"), "waggle.plugin" in sys.modules)
import waggle.plugin, waggle.plugin.plugin
spec = waggle.plugin.__spec__
print(spec, type(spec), spec.loader is waggle.plugin.__loader__, type(spec.loader), spec.cached)
print(spec.loader.get_data(waggle.plugin.__file__), spec.loader.get_code("waggle.plugin"))
print(inspect.getsource(waggle.plugin), len(inspect.getsource(waggle.plugin.plugin)))
print(pickle.dumps(spec.loader), pickle.dumps(spec))
print(sorted(vars(spec)), sorted(vars(waggle.plugin)))
print([module.name for module in pkgutil.iter_modules(waggle.plugin.__path__)])
print(pkgutil.get_data("waggle.plugin", "config.py"), importlib.util.find_spec("waggle.plugin"))
print(importlib.reload(waggle.plugin), importlib.reload(waggle.plugin.plugin))
"""


def inside(text):
    """Return the program that does this in the block of an open plugin."""
    body = OPEN + textwrap.indent(text, "    ")
    return IMPORT + 'if __name__ == "__main__":' + textwrap.indent(body, "    ")


PROGRAMS = {name: inside(textwrap.dedent(text)) for name, text in INSIDE.items()}
PROGRAMS.update((name, IMPORT + textwrap.dedent(text)) for name, text in OUTSIDE.items())
PROGRAMS.update((name, "import sys\n" + textwrap.dedent(text)) for name, text in IMPORTING.items())
PROGRAMS["what is seen of a module"] = SEEN


def start(tmp_path, way, *arguments, launcher=RUN, **more):
    """Start a program in one of the two ways."""
    launcher = launcher if way == "run" else ()
    environ = environment("off", WAGGLE_PLUGIN_HOST="127.0.0.1", **more)
    environ["PYWAGGLE_LOG_DIR"] = str(tmp_path / way)
    environ.pop("PYTHONFAULTHANDLER")
    environ.update(PYTHONHASHSEED="0", PYTHONDONTWRITEBYTECODE="1")
    return subprocess.Popen(
        [sys.executable, *launcher, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ,
        cwd=str(tmp_path),
        start_new_session=True,
    )


def finish(process, tmp_path, way):
    """Return all that a program leaves: status, output, data; addresses and times left out."""
    output = process.communicate(b"given", timeout=60)
    texts = [re.sub(rb"0x[0-9a-f]+", b"0x", text) for text in output]
    data = []
    if (tmp_path / way).exists():
        for line in (tmp_path / way / "data.ndjson").read_text().splitlines():
            record = json.loads(line)
            del record["timestamp"]
            data.append({**record, "value": 0} if record["name"] == "timed" else record)
    return (process.returncode, *texts, data)


def both(tmp_path, *arguments, **more):
    """Run a program in both ways, side by side; return what each leaves."""
    processes = {way: start(tmp_path, way, *arguments, **more) for way in ("plain", "run")}
    return [finish(process, tmp_path, way) for way, process in processes.items()]


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_same(tmp_path, name):
    """Exit status, stdout, stderr and published data are the same, to the byte."""
    if "in pywaggle" in name and sys.version_info < (3, 8):
        pytest.skip("frames of ours can't be left out before Python 3.7, in threads before 3.8")
    plain, run = both(tmp_path, write_script(tmp_path, PROGRAMS[name]))
    assert run == plain
    assert plain[3] or name not in INSIDE


OPTIONS = {
    "-u": ["-u", "main.py"],
    "-W error": ["-W", "error", "main.py"],
    "-X dev": ["-X", "dev", "main.py"],
    "-m": ["-m", "main", "x"],
    "-c": ["-c", "import main; main.missing"],
    "a directory": ["."],
    "-P": ["-P", "main.py"],
}


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_same_with_options(tmp_path, name):
    """So it is with Python's own options, by a module's name and for code of the command line."""
    if name == "-P" and sys.version_info < (3, 11):
        pytest.skip("-P came with Python 3.11")
    text = IMPORT + textwrap.dedent(OUTSIDE["what it sees"]) + "\nprint(sys._xoptions)\n1 / 0\n"
    for file in ("main.py", "__main__.py"):
        write_script(tmp_path, text, file)
    plain, run = both(tmp_path, *OPTIONS[name])
    assert run == plain


VARIABLES = [
    {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    {"PYTHONIOENCODING": "ascii:strict"},
    {"PYTHONSAFEPATH": "1"},
    {"PYTHONWARNINGS": "error"},
    {"PYTHONFAULTHANDLER": "1"},
    {"PYTHONPATH": ""},
    {"PYTHONNOUSERSITE": "1", "PYTHONOPTIMIZE": "2"},
]


@pytest.mark.parametrize("variables", VARIABLES, ids=str)
def test_same_with_variables(tmp_path, variables):
    """So it is with the variables that Python itself reads."""
    if variables.get("PYTHONPATH") == "":
        pytest.importorskip("waggle_live")
        variables = {"PYTHONPATH": os.pathsep + environment()["PYTHONPATH"]}
    text = IMPORT + textwrap.dedent(OUTSIDE["what it sees"]) + "\nprint('\\u20ac')\n1 / 0\n"
    plain, run = both(tmp_path, write_script(tmp_path, text), **variables)
    assert run == plain


@pytest.mark.parametrize("module", ["sitecustomize", "usercustomize"])
@pytest.mark.parametrize("text", ["print('mine', __name__)", "import nothing", "1 / 0"])
def test_same_with_a_customization(tmp_path, module, text):
    """The site's own module runs as ever, be it good or not."""
    with tempfile.TemporaryDirectory() as directory:
        write_script(directory, text, module + ".py")
        path = os.pathsep.join([environment()["PYTHONPATH"], directory])
        script = write_script(tmp_path, "import sys; print(sys.path)")
        # The command is a Python of its own, and -S keeps the module out of that.
        plain, run = both(tmp_path, script, launcher=("-S", *RUN), PYTHONPATH=path)
    assert run == plain
