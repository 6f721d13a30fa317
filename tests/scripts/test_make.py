"""make where something that it needs is missing: it says so at once."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.programs import program

ROOT = Path(__file__).resolve().parents[2]
#: Seconds on a busy machine; alone it takes about one.
WITHIN = 20


@pytest.fixture
def checkout(tmp_path):
    """What make looks at before it installs anything, without an environment."""
    for name in ("Makefile", "setup.cfg", "pyproject.toml"):
        shutil.copy(str(ROOT / name), str(tmp_path / name))
    for folder in ("scripts", "demo", "plugin-example", "waggle_live", "collector", "controller"):
        ignored = shutil.ignore_patterns("*.egg-info", "__pycache__", "build", "*.mp4")
        shutil.copytree(str(ROOT / folder), str(tmp_path / folder), ignore=ignored)
    for path in ROOT.glob("requirements*.txt"):
        shutil.copy(str(path), str(tmp_path / path.name))
    return tmp_path


def make(checkout, *targets, **environ):
    """Run make; return its status and all that it said."""
    own = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    inherited = {name: value for name, value in os.environ.items() if name not in own}
    begin = time.monotonic()
    done = subprocess.run(
        [program("make", "make"), *targets],
        check=False,
        cwd=str(checkout),
        env=dict(inherited, **environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        timeout=60,
    )
    assert time.monotonic() - begin < WITHIN
    return done.returncode, done.stdout


@pytest.mark.parametrize("target", ["demo", "demo-control", "test", "lint", "dist", "pythons"])
def test_no_python_that_will_do(checkout, target):
    """Any target that makes an environment names each Python that was seen, and what it lacks."""
    old = checkout / "bin"
    old.mkdir()
    for name in ("make", "sh", "sed", "tr", "sort", "find", "echo"):
        (old / name).symlink_to(shutil.which(name))
    (old / "python3").write_text("#!/bin/sh\necho is python3.9\n")
    (old / "python3").chmod(0o755)
    status, said = make(checkout, target, PATH=str(old), PYENV_ROOT="/nowhere")
    assert status == 2
    assert "Needed is a CPython 3.11 or newer with venv" in said
    assert "%s/python3 is python3.9" % old in said


def test_a_python_of_one_version_that_is_not_here(checkout):
    """So does the environment of one version."""
    (checkout / ".venv").mkdir()
    for stamp in (".python", ".wheel"):
        (checkout / ".venv" / stamp).touch()
        os.utime(str(checkout / ".venv" / stamp), (2**31, 2**31))
    status, said = make(checkout, ".venv-3.5/.client")
    assert status == 2 and "Needed is a CPython 3.5 with venv" in said


@pytest.mark.parametrize("target", ["demo", "pythons"])
def test_no_index(checkout, target):
    """Without a network the index that can't be reached is named, before pip tries for minutes."""
    status, said = make(checkout, target, PIP_INDEX_URL="http://127.0.0.1:1/simple")
    assert status == 2
    assert "The package index http://127.0.0.1:1/simple can't be reached" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may take the network away")
def test_no_network_at_all(checkout):
    """The same where there is no network: pip's usual index is named."""
    unshare = program("unshare", "util-linux")
    if subprocess.run([unshare, "-n", "true"], check=False).returncode:
        pytest.skip("a container that may take no network away")
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")}
    done = subprocess.run(
        [unshare, "-n", program("make", "make"), "demo"],
        check=False,
        cwd=str(checkout),
        env=dict(environ, PIP_CONFIG_FILE=os.devnull),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        timeout=WITHIN,
    )
    assert done.returncode == 2
    assert "The package index https://pypi.org/simple can't be reached" in done.stdout
