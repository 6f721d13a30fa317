"""The order of the house: who may import whom, how long a file may be, which syntax it may use."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CLIENT = ROOT / "waggle_live"
COLLECTOR = ROOT / "collector" / "waggle_live_collector"
MAX_LINES = 350

#: The shared modules, each with all that it may import of this project.
SHARED = {
    "errors": set(),
    "histogram": set(),
    "version": set(),
    "protocol": {"waggle_live.errors"},
}
#: What makes a module more than a description of bytes.
IMPURE = {"asyncio", "select", "selectors", "socket", "socketserver", "threading", "time"}
#: All of the client that the collector may know: the wire, and what measures durations.
FOR_THE_COLLECTOR = {"waggle_live." + name for name in SHARED}

#: The reader's packages, each with all that it may import of this project beside itself.
READERS = {
    "controller": {"waggle_live.errors", "waggle_live.protocol", "waggle_live.version"},
    "top": {"waggle_live.controller", "waggle_live.errors", "waggle_live.version"},
}


def python_files(*folders):
    """Return the files of the project below the folders, or of all of it."""
    found = []
    for folder in folders or (ROOT,):
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(ROOT).parts
            if not any(part.startswith(".") or part in ("build", "dist") for part in parts):
                found.append(path)
    assert found
    return found


def names(paths):
    return [str(path.relative_to(ROOT)) for path in paths]


def module_name(path):
    base = COLLECTOR.parent if COLLECTOR in path.parents else ROOT
    parts = path.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_module(name):
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or path.is_dir()


def imports(path):
    """Return the full names of all modules that a file imports anywhere in it.

    ``from package import x`` is the module ``package.x`` where there is one, else ``package``.
    """
    name = module_name(path)
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - (node.level - 1)]
            base = ".".join([*(above if node.level else []), *filter(None, [node.module])])
            for alias in node.names:
                whole = base + "." + alias.name
                found.add(whole if is_module(whole) else base)
    return found


def of_the_project(found):
    return {name for name in found if name.split(".")[0].startswith("waggle_live")}


@pytest.mark.parametrize("module", SHARED)
def test_shared_modules_import_one_way(module):
    """errors, histogram and protocol know neither the client nor the collector."""
    assert of_the_project(imports(CLIENT / (module + ".py"))) <= SHARED[module]


@pytest.mark.parametrize("module", SHARED)
def test_shared_modules_hold_no_socket_thread_or_clock(module):
    """They describe bytes and numbers; whoever uses them decides when and over what."""
    assert not {name.split(".")[0] for name in imports(CLIENT / (module + ".py"))} & IMPURE


@pytest.mark.parametrize("path", python_files(CLIENT), ids=module_name)
def test_the_client_never_imports_the_collector(path):
    """The client goes into other people's images, alone."""
    assert not {name for name in imports(path) if name.startswith("waggle_live_collector")}


@pytest.mark.parametrize("reader", READERS)
def test_readers_know_nothing_of_the_plugins_side(reader):
    """The controller and top read a node: no instrument, no sender, no pywaggle."""
    for path in python_files(CLIENT / reader):
        found = imports(path)
        own = {name for name in found if name.startswith("waggle_live." + reader)}
        assert of_the_project(found) - own <= READERS[reader], path
        assert not {name.split(".")[0] for name in found} & {"waggle", "pika"}, path


@pytest.mark.parametrize("path", python_files(COLLECTOR), ids=module_name)
def test_the_collector_knows_only_the_wire_of_the_client(path):
    """The collector shares the wire and the histogram, and nothing that runs in a plugin."""
    client = {n for n in of_the_project(imports(path)) if n.split(".")[0] == "waggle_live"}
    assert client <= FOR_THE_COLLECTOR


def test_importing_the_collector_loads_no_pywaggle():
    """pywaggle's AMQP client alone would take a quarter of the collector's memory."""
    pytest.importorskip("waggle_live_collector.__main__")
    code = (
        "import sys, waggle_live_collector.__main__; "
        "print([name for name in sys.modules if name.split('.')[0] in ('waggle', 'pika')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, universal_newlines=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("path", names(python_files()))
def test_no_file_is_too_long(path):
    """A module that outgrows this has a second noun in it."""
    assert len((ROOT / path).read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", names(python_files(CLIENT, ROOT / "plugin-example")))
def test_what_runs_in_a_plugin_is_python_3_6(path):
    """Jetson images on Ubuntu 18.04 have 3.6: neither its grammar nor its library is left."""
    # feature_version leaves out some checks, so what came with 3.7 and 3.8 is looked for as well.
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"), feature_version=(3, 6))
    for node in ast.walk(tree):
        assert not isinstance(node, ast.NamedExpr), "walrus in line %d" % node.lineno
        if isinstance(node, ast.ImportFrom):
            assert node.module != "__future__" or "annotations" not in {
                alias.name for alias in node.names
            }, "annotations from __future__ came with 3.7"
        if isinstance(node, ast.arguments):
            assert not getattr(node, "posonlyargs", []), "positional-only parameters"
    library = {name.split(".")[0] for name in imports(ROOT / path)}
    assert not library & {"contextvars", "dataclasses", "graphlib", "tomllib", "zoneinfo"}
