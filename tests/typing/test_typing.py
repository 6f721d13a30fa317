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


def mypy(directory, *paths):
    """Return ``(file, line)`` of each error."""
    out = run("mypy", "--strict", "--cache-dir", directory, *paths)
    return [
        (Path(path).name, int(n)) for path, n in re.findall(r"^([^:]+):(\d+): error: ", out, re.M)
    ]


def pyright(directory, *paths):
    """Return ``(file, line)`` of each error; basedpyright is pyright that PyPI has whole."""
    settings = {
        "include": [str(path) for path in paths],
        "extraPaths": [str(ROOT)],
        "typeCheckingMode": "strict",
        "reportMissingTypeStubs": False,  # pywaggle has none
    }
    config = directory / "pyrightconfig.json"
    config.write_text(json.dumps(settings))
    python = ["--pythonpath", sys.executable]
    report = json.loads(run("basedpyright", "--outputjson", "--project", config, *python))
    assert report["summary"]["filesAnalyzed"] == len(paths)
    return [
        (Path(each["file"]).name, each["range"]["start"]["line"] + 1)
        for each in report["generalDiagnostics"]
    ]


@pytest.mark.parametrize("check", [mypy, pyright])
def test_uses_and_misuses(check, tmp_path):
    """Each use that is right passes, and each result and decorated function has its own type.

    Of the misuses each line that is marked is an error, and no other is.
    """
    misuses = FOLDER / "misuses.py"
    lines = enumerate(misuses.read_text().splitlines(), 1)
    marked = {(misuses.name, number) for number, line in lines if line.endswith("# ERROR")}
    assert set(check(tmp_path, FOLDER / "uses.py", misuses)) == marked != set()
