"""scripts/find-python: the Python that environments are made with, or why there is none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIND = ROOT / "scripts" / "find-python"
#: What each fake says when it is given the probe.
FAKES = {
    "too old": "echo is python3.9",
    "no venv": "echo 'is python3.12 without the module ensurepip; on Debian: apt-get install ...'",
    "broken": "exit 127",
    "noisy": "echo Traceback >&2; exit 1",
}


@pytest.fixture
def tools(tmp_path):
    """A PATH with nothing on it: the script needs no program but Pythons."""
    directory = tmp_path / "bin"
    directory.mkdir()
    return directory


def find(version, path, pyenv="/nowhere"):
    """Run the script; return its status, what it found and what it said."""
    done = subprocess.run(
        ["/bin/sh", str(FIND), version],
        check=False,
        env={"PATH": str(path), "PYENV_ROOT": str(pyenv)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        timeout=10,
    )
    return done.returncode, done.stdout.strip(), done.stderr


def fake(path, script):
    """Make a program that stands for a Python."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n%s\n" % script)
    path.chmod(0o755)


def test_this_one_is_found(tools):
    """A Python that can make environments is found by either form, and its real path is said."""
    own = "%d.%d" % sys.version_info[:2]
    (tools / "python3").symlink_to(sys.executable)
    for version in (own, "3.6+"):
        status, found, said = find(version, tools)
        assert (status, said) == (0, "")
        assert os.path.exists(found)


def test_what_pyenv_has_is_found(tools, tmp_path):
    """A newer one than asked for is taken too, though pyenv has it not switched on."""
    fake(tmp_path / "versions" / "3.9.1" / "bin" / "python", FAKES["too old"])
    fake(tmp_path / "versions" / "3.14.2" / "bin" / "python", "echo /real/python3.14")
    assert find("3.11+", tools, tmp_path)[:2] == (0, "/real/python3.14")
    assert find("3.11", tools, tmp_path)[0] == 1


def test_none_at_all(tools):
    """It says what is needed, that none was seen, and how to get one."""
    status, found, said = find("3.11+", tools)
    assert (status, found) == (1, "")
    assert "Needed is a CPython 3.11 or newer with venv" in said and "in pyenv: none\n" in said
    assert "apt-get install python3 python3-venv" in said


def test_each_one_that_is_no_good(tools, tmp_path):
    """Each that was seen is named once, with what is wrong with it."""
    fake(tools / "python3", FAKES["too old"])
    fake(tools / "python3.12", FAKES["no venv"])
    fake(tools / "python3.13", FAKES["broken"])
    fake(tmp_path / "versions" / "3.11.2" / "bin" / "python", FAKES["noisy"])
    (tools / "python3.14").mkdir()
    status, found, said = find("3.11+", "%s:%s" % (tools, tools), tmp_path)
    assert (status, found) == (1, "")
    seen = [line.strip() for line in said.splitlines() if line.startswith("  ")]
    assert seen == [
        "%s/python3 is python3.9" % tools,
        "%s/python3.13 doesn't run" % tools,
        "%s/python3.12 is python3.12 without the module ensurepip; "
        "on Debian: apt-get install ..." % tools,
        "%s/versions/3.11.2/bin/python doesn't run" % tmp_path,
    ]


def test_what_the_probe_says_of_real_ones(tools, tmp_path):
    """A Python that is too old, or has no ensurepip as on Debian, says so of itself."""
    own = "%d.%d" % sys.version_info[:2]
    (tools / "python3").symlink_to(sys.executable)
    status, _, said = find("3.99+", tools)
    assert status == 1 and "%s/python3 is python%s\n" % (tools, own) in said
    hidden = "import sys; sys.modules['ensurepip'] = None; exec(sys.argv[3])"
    (tools / "python3").unlink()
    fake(tools / "python3", 'exec \'%s\' -c "%s" "$@"' % (sys.executable, hidden))
    status, _, said = find(own, tools)
    assert status == 1
    assert "is python%s without the module ensurepip; on Debian: apt-get install" % own in said


@pytest.mark.parametrize("version", ["", "3", "2.7", "python3"])
def test_wrong_use(tools, version):
    """Anything but 3.MINOR, with a + behind it or not, is an error of its own."""
    assert find(version, tools) == (2, "", "usage: scripts/find-python 3.MINOR[+]\n")
