"""What ``tau-run`` runs, and the command that has TAU run it."""

import os
import sys

import pytest

from waggle_live.profile.tau.program import Program, parse, tau_command
from waggle_live.wire.errors import LiveMetricsError

pytestmark = pytest.mark.oldest_and_newest


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a script, a package and a module, and an interpreter on the PATH."""
    (tmp_path / "main.py").write_text("")
    (tmp_path / "module.py").write_text("")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__main__.py").write_text("")
    python = tmp_path / "python3.9"
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_a_script_runs_on_this_python_unless_another_is_named(here):
    """By an option, or by a python before the script, with its own options."""
    other = str(here / "python3.9")
    assert parse(["main.py", "-m", "x"]) == Program(
        sys.executable, [], False, "main.py", ["-m", "x"]
    )
    assert parse(["main.py"], "python3.9").python == other
    assert parse(["python3.9", "-u", "-OO", "main.py", "-u"]) == Program(
        other, ["-u", "-OO"], False, "main.py", ["-u"]
    )
    assert parse([other, "main.py"]).python == other


def test_a_module_runs_by_its_name(here):
    """What file that is tells which plugin runs."""
    assert parse(["-m", "package", "a"]) == Program(sys.executable, [], True, "package", ["a"])
    assert parse(["python3.9", "-u", "-m", "package"]).is_module
    assert parse(["-m", "package"]).script == os.path.join("package", "__main__.py")
    assert parse(["-m", "module"]).script == "module.py"
    assert parse(["-m", "somewhere.else"]).script == "somewhere"
    assert parse(["main.py"]).script == "main.py"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["none.py"], "no such script: none.py"),
        (["package"], "__main__.py"),
        (["-m"], "-m is not taken"),
        (["-c", "pass"], "-c is not taken"),
        (["python3.9", "-X", "dev", "main.py"], "-X is not taken"),
        (["python3.9"], "nothing is to run"),
        (["python3.7", "main.py"], "no such interpreter: python3.7"),
        (["/none/python3", "main.py"], "no such interpreter: /none/python3"),
    ],
)
def test_what_cant_run_is_said(here, words, error):
    """Before anything runs."""
    with pytest.raises(LiveMetricsError) as caught:
        parse(words)
    assert error in str(caught.value)


def test_tau_gets_the_interpreter(here):
    """Or it would take the one that it was built with: no package of a virtual environment."""
    program = Program("/venv/bin/python", ["-u"], False, "main.py", [])
    assert tau_command(None, program) is None
    (here / "tau_exec").write_text("#!/bin/sh\n")
    (here / "tau_exec").chmod(0o755)
    tags = ["-T", "serial,pthread,python"]
    assert tau_command(None, program) == [
        *("tau_exec", *tags, "/venv/bin/python", "-u", "-m", "tau_python_wrapper")
    ]
    (here / "tau_python").write_text("#!/bin/sh\n")
    (here / "tau_python").chmod(0o755)
    given = ["-tau-python-interpreter=/venv/bin/python", "-tau-python-args=-u"]
    assert tau_command(None, program) == ["tau_python", *tags, *given]
    assert tau_command("/opt/tau_python -T x", program) == ["/opt/tau_python", "-T", "x", *given]
    own = "tau_python -tau-python-interpreter=/x"
    assert tau_command(own, program) == [*own.split(), given[1]]
    assert tau_command("sh run.sh", program) == ["sh", "run.sh"]
