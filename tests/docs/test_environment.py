"""docs/reference/environment.md has each variable that the sources read, and no other."""

import ast
import re

import pytest

from .tables import ROOT, code, read

PACKAGES = ("waggle_live", "collector/waggle_live_collector", "controller/waggle_live_controller")
NAME = re.compile(r"WAGGLE_[A-Z_]*[A-Z]\Z")
#: Variables of others that the page names.
OF_OTHERS = {
    *("NO_COLOR", "FORCE_COLOR", "COLUMNS"),  # rich
    "TAU_PROFILE_FORMAT",  # set for TAU
}
#: Names that stand for variables where a mapping of them is read, by the module.
BY_NAME = {
    ("waggle_live_collector/__init__.py", "_name"): {
        "PROMETHEUS_MULTIPROC_DIR",
        "prometheus_multiproc_dir",
    },
    ("reporter/address.py", "name"): {"XDG_RUNTIME_DIR", "HOME"},
    ("identity/node.py", "name"): {"WAGGLE_NODE_ID", "WAGGLE_NODE_VSN", "HOST"},
    ("start/waggle_live_tau_start.py", "variable"): set(),  # gives back all that there were
}


def variables(module, constants):
    """Yield the variables that a module reads: literals, and constants of any module."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if NAME.match(node.value):
                yield node.value
            continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            mapping, key = node.func.value, node.args[0]
            if node.func.attr not in ("get", "pop", "setdefault"):
                continue
        elif isinstance(node, ast.Subscript):
            mapping, key = node.value, node.slice
        else:
            continue
        if not ast.unparse(mapping).endswith(("environ", "environb", "plain", "getenv")):
            continue
        if isinstance(key, ast.Constant):
            yield key.value
        elif isinstance(key, ast.Name) and key.id in constants:
            yield constants[key.id]
        else:
            known = [
                names
                for (path, name), names in BY_NAME.items()
                if str(module).endswith(path) and ast.unparse(key) == name
            ]
            assert known, "%s:%d reads a variable by another name" % (module, node.lineno)
            yield from known[0]


@pytest.fixture(scope="module")
def read_by_programs():
    """The variables that the sources of the three packages read."""
    modules = [module for package in PACKAGES for module in (ROOT / package).rglob("*.py")]
    constants = {}
    for module in modules:
        text = module.read_text(encoding="utf-8")
        constants.update(re.findall(r'^([A-Z_]+_VARIABLE) = "(\w+)"', text, re.MULTILINE))
    return {name for module in modules for name in variables(module, constants)}


@pytest.fixture(scope="module")
def described():
    """The variables that the page names."""
    spans = code(read("environment.md"))
    return {
        each
        for each in spans
        if re.fullmatch(
            r"[A-Z]+(_[A-Z]+)+|HOST|HOME|TERM|LANG|PROFILEDIR|PYTHONPATH|[a-z]+_multi.*", each
        )
    }


def test_every_variable_that_is_read_is_described(read_by_programs, described):
    """Wherever it is read."""
    assert {"WAGGLE_LIVE_METRICS", "XDG_RUNTIME_DIR", "LISTEN_FDS"} <= read_by_programs
    assert sorted(read_by_programs - described) == []


def test_every_variable_that_is_described_is_read(read_by_programs, described):
    """But for those of other programs that the page names."""
    assert sorted(described - read_by_programs - OF_OTHERS) == []


def test_shown_examples_are_taken():
    """The example of a plugin's variables is one that the client takes."""
    from waggle_live.reporter.address import parse
    from waggle_live.reporter.profiler import parse_rate

    for address in ("unix:///run/x.sock", "tcp://host:9091", "off"):
        assert "`%s`" % address in read("environment.md")
        parse(address)
    assert parse_rate("50") == 50
