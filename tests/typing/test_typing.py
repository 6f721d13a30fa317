"""The types that authors see, as mypy and pyright judge them in their strict modes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]


def run(module, *arguments):
    """Run a type checker of this environment; skip, or fail in CI, where it is missing."""
    if subprocess.run([sys.executable, "-c", "import " + module]).returncode:
        reason = "%s is missing: it is in requirements-dev.txt" % module
        assert not os.environ.get("CI"), reason
        pytest.skip(reason)
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, universal_newlines=True, cwd=str(ROOT))
    return done.stdout


def mypy(path, tmp_path):
    """Return ``(line, text)`` of each error."""
    out = run("mypy", "--strict", "--cache-dir", tmp_path, path)
    return [(int(n), text) for n, text in re.findall(r"^[^:]+:(\d+): error: (.*)", out, re.M)]


def pyright(path, tmp_path):
    """Return ``(line, text)`` of each error; basedpyright is pyright that PyPI has whole."""
    settings = {
        "include": [str(path)],
        "extraPaths": [str(ROOT)],
        "typeCheckingMode": "strict",
        "reportMissingTypeStubs": False,  # pywaggle has none
    }
    config = tmp_path / "pyrightconfig.json"
    config.write_text(json.dumps(settings))
    python = ["--pythonpath", sys.executable]
    report = json.loads(run("basedpyright", "--outputjson", "--project", config, *python))
    assert report["summary"]["filesAnalyzed"] == 1
    return [
        (each["range"]["start"]["line"] + 1, each["message"])
        for each in report["generalDiagnostics"]
    ]


@pytest.mark.parametrize("check", [mypy, pyright])
def test_uses(check, tmp_path):
    """Each use that is right passes, and each result and decorated function has its own type."""
    assert check(FOLDER / "uses.py", tmp_path) == []


@pytest.mark.parametrize("check", [mypy, pyright])
def test_misuses(check, tmp_path):
    """Each line that is marked is an error, and no other is."""
    path = FOLDER / "misuses.py"
    lines = path.read_text().splitlines()
    marked = {number for number, line in enumerate(lines, 1) if line.endswith("# ERROR")}
    assert {line for line, _ in check(path, tmp_path)} == marked != set()
