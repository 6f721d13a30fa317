"""The Dockerfiles, without building anything."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = ("Dockerfile.collector", "Dockerfile.controller", "plugin-example/Dockerfile")


def test_hadolint_finds_no_fault():
    """Not one remark of any severity, and no rule is switched off; a remark names its file."""
    for path in DOCKERFILES:
        assert "hadolint" not in (ROOT / path).read_text(encoding="utf-8"), path
    tool = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [tool, "--no-fail", "--no-color", *DOCKERFILES],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    assert done.stdout == ""


def test_only_what_is_needed_goes_into_the_build():
    """.dockerignore begins with everything, and lets in no more than is copied."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert all((ROOT / rule[1:]).exists() for rule in rules if rule.startswith("!"))
