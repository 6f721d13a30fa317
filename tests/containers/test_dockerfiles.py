"""The Dockerfiles, without building anything."""

import re
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


def test_what_the_collector_needs_comes_as_wheels_for_arm64_too():
    """No compiler is needed on a Jetson: pip finds a wheel of everything for aarch64."""
    text = (ROOT / "collector" / "setup.cfg").read_text(encoding="utf-8")
    listed = re.search(r"install_requires =\n((?:    .*\n)+)", text).group(1).split()
    requirements = [name for name in listed if name != "waggle-live"]
    assert len(requirements) >= 5
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
    command += ["--only-binary=:all:", "--python-version=3.12", "--target=/nowhere"]
    command += ["--platform=manylinux_2_17_aarch64", "--platform=manylinux_2_28_aarch64"]
    done = subprocess.run([*command, *requirements], stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_only_what_is_needed_goes_into_the_build():
    """.dockerignore begins with everything, and lets in no more than is copied."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert all((ROOT / rule[1:]).exists() for rule in rules if rule.startswith("!"))
