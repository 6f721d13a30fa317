"""The order of the house: who may import whom, how long a file may be, which syntax it may use."""

import ast
import configparser
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    "waggle_live": ROOT / "waggle_live",
    "waggle_live_collector": ROOT / "collector" / "waggle_live_collector",
    "waggle_live_controller": ROOT / "controller" / "waggle_live_controller",
}
MAX_LINES, MAX_MODULES = 300, 15

#: Each room (a folder or a module of a package) with the rooms that it may import. Whatever is
#: imported only for types counts as well.
ARROWS = {
    "waggle_live": {
        "__init__": "control live plugin version wire",
        "__main__": "profile run reporter version wire",
        "run": "plugin profile instruments reporter wire frames logs native",
        "plugin": "live wire frames",
        "live": "instruments profile reporter series wire",
        "instruments": "control series wire native",
        "profile": "reporter series wire frames logs native",
        "reporter": "control series wire claim logs native version",
        "control": "wire logs native",
        "series": "wire claim logs native",
        "wire": "",
        "claim": "native",
        "frames": "",
        "logs": "native",
        "native": "",
        "version": "",
    },
    "waggle_live_collector": {
        "__init__": "version",
        "__main__": "web history exposition intake state control table identity upkeep sockets "
        "budget clock faults limits logs memory options own_metrics signals version",
        "web": "history exposition control table identity sockets "
        "budget clock faults limits own_metrics regular_file version",
        "history": "exposition table budget clock faults",
        "exposition": "control table identity clock faults own_metrics",
        "intake": "control table identity messages sockets "
        "budget clock faults limits own_metrics version",
        "state": "control table identity messages clock faults own_metrics",
        "control": "table identity messages budget clock own_metrics",
        "table": "identity messages budget clock limits",
        "identity": "messages clock faults options own_metrics regular_file",
        "messages": "",
        "upkeep": "sockets clock faults",
        "sockets": "budget faults",
        "faults": "clock own_metrics",
        "options": "limits memory version",
        "limits": "",
        "signals": "",
        "own_metrics": "version",
        "logs": "",
        "memory": "",
        "budget": "account",
        "account": "",
        "clock": "",
        "regular_file": "",
        "version": "",
    },
    "waggle_live_controller": {
        "__init__": "differences errors fleet functions knobs leases node plugins policies "
        "readings snapshot version",
        "service": "__init__",
        "top": "__init__",
        "policies": "knobs",
        "leases": "node http_client connection knobs snapshot plugins hints errors",
        "fleet": "node snapshot hints errors",
        "node": "answer http_client connection knobs snapshot hints errors version",
        "answer": "functions plugins readings snapshot",
        "snapshot": "differences plugins hints",
        "differences": "plugins readings hints",
        "knobs": "plugins hints",
        "plugins": "functions readings hints errors",
        "readings": "hints errors",
        "http_client": "connection",
        "connection": "errors",
        "functions": "hints",
        "hints": "",
        "errors": "",
        "version": "",
    },
}
#: What the collector may import of the client: the wire, which holds no socket, thread or clock.
SHARED = "waggle_live.wire"
IMPURE = {"asyncio", "select", "selectors", "socket", "socketserver", "threading", "time"}


def files_of(package):
    found = sorted(PACKAGES[package].rglob("*.py"))
    assert found
    return found


def module_name(path):
    for package, folder in PACKAGES.items():
        if folder in path.parents:
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    raise ValueError(path)


MODULES = {module_name(path): path for package in PACKAGES for path in files_of(package)}


def imports(name):
    """Return the full names of all that a module imports, anywhere in it.

    ``from package import x`` is the module ``package.x`` where there is one, else ``package``.
    """
    path = MODULES[name]
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
                found.add(whole if whole in MODULES else base)
    return found


def room(name):
    return [*name.split("."), "__init__"][1]


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_follow_the_arrows(package):
    """A room imports what it is allowed to, and nothing is allowed that no room imports."""
    drawn = {}
    for name in MODULES:
        if name.split(".")[0] == package:
            for found in imports(name):
                if found.split(".")[0] == package and room(found) != room(name):
                    drawn.setdefault(room(name), set()).add(room(found))
    allowed = {name: set(rooms.split()) for name, rooms in ARROWS[package].items()}
    for name, rooms in allowed.items():
        assert drawn.get(name, set()) == rooms, name
    assert {room(name) for name in MODULES if name.split(".")[0] == package} == set(allowed)


def test_the_arrows_run_one_way():
    """No module reaches itself, by way of any imports, those for types alone included."""
    graph = {name: {found for found in imports(name) if found in MODULES} for name in MODULES}
    # A package's own module imports those in it to hand them on; inside it that is no arrow.
    graph = {
        name: {f for f in found if not (name + ".").startswith(f + ".")}
        for name, found in graph.items()
    }
    while True:
        ends = {name for name, found in graph.items() if not found & graph.keys()}
        if not ends:
            break
        graph = {name: found for name, found in graph.items() if name not in ends}
    assert not graph


def test_the_three_know_of_each_other_only_the_wire():
    """The collector shares the wire with the client; the controller shares nothing with either."""
    for name in MODULES:
        package = name.split(".")[0]
        for found in imports(name):
            other = found.split(".")[0]
            if other in PACKAGES and other != package:
                if package == "waggle_live_collector":
                    assert found == SHARED or found.startswith(SHARED + "."), name
                else:  # `waggle-live top` hands over to the controller
                    assert (package, room(name), other) == (
                        "waggle_live",
                        "__main__",
                        "waggle_live_controller",
                    ), name


def test_the_wire_holds_no_socket_thread_or_clock():
    """It describes bytes and numbers; whoever uses it decides when and over what."""
    for name in MODULES:
        if name == SHARED or name.startswith(SHARED + "."):
            assert not {found.split(".")[0] for found in imports(name)} & IMPURE, name


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


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_is_installed(package):
    """A wheel holds the packages that ``setup.cfg`` lists, and no others."""
    setup = configparser.ConfigParser()
    setup.read(str(PACKAGES[package].parent / "setup.cfg"), encoding="utf-8")
    folders = {path.parent.relative_to(PACKAGES[package].parent) for path in files_of(package)}
    listed = setup["options"]["packages"].split()
    assert sorted(listed) == sorted(".".join(folder.parts) for folder in folders)


def test_no_file_is_too_long_and_no_folder_too_full():
    """What outgrows these has a second noun in it."""
    folders = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).parts
        if any(part.startswith(".") or part in ("build", "dist") for part in parts):
            continue
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines <= MAX_LINES, "%s has %d lines" % (path, lines)
        if path.name != "__init__.py" and any(p in path.parents for p in PACKAGES.values()):
            folders.setdefault(path.parent, []).append(path.name)
    for folder, names in folders.items():
        assert len(names) <= MAX_MODULES, folder


def test_what_runs_in_a_plugin_is_python_3_6():
    """Jetson images on Ubuntu 18.04 have 3.6: neither its grammar nor its library is left."""
    paths = [*files_of("waggle_live"), *sorted((ROOT / "plugin-example").rglob("*.py"))]
    missing = {"contextvars", "dataclasses", "graphlib", "tomllib", "zoneinfo"}
    for path in paths:
        # feature_version leaves out some checks, so what came with 3.7 and 3.8 is looked for.
        tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 6))
        for node in ast.walk(tree):
            assert not isinstance(node, ast.NamedExpr), "walrus in %s:%d" % (path, node.lineno)
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
                assert node.module != "__future__" or "annotations" not in {
                    alias.name for alias in node.names
                }, "annotations from __future__ came with 3.7: %s" % path
            assert not {name.split(".")[0] for name in names} & missing, path
            if isinstance(node, ast.arguments):
                assert not getattr(node, "posonlyargs", []), path
