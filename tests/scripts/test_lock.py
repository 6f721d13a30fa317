"""locks/: what the images install, by version and hash."""

import re
import subprocess
import sys

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.lock import LOCKS, wanted


def locked(name):
    """Return the requirements of a lock, by name of their package, and their hashes."""
    text = (LOCKS / (name + ".txt")).read_text(encoding="utf-8")
    found = {}
    for entry in re.findall(r"^([^#\s].*?)(?<!\\)\n", text, re.MULTILINE | re.DOTALL):
        requirement, *hashes = entry.split("--hash=sha256:")
        requirement = Requirement(requirement.replace("\\\n", " ").strip())
        found[canonicalize_name(requirement.name)] = requirement, hashes
    return found


@pytest.mark.parametrize("name", list(wanted()))
def test_a_lock_has_what_the_distribution_asks_for(name):
    """Each requirement is locked at a version that it allows; `make lock` mends it."""
    lock = locked(name)
    for line in wanted()[name]:
        requirement = Requirement(line)
        pinned = lock[canonicalize_name(requirement.name)][0]
        (specifier,) = pinned.specifier
        assert requirement.specifier.contains(specifier.version), line


@pytest.mark.parametrize("name", list(wanted()))
def test_a_lock_names_one_version_and_hashes_of_each_package(name):
    """Nothing is left to what the index has on the day of a build."""
    for requirement, hashes in locked(name).values():
        assert [specifier.operator for specifier in requirement.specifier] == ["=="]
        assert hashes
        assert all(re.fullmatch(r"[0-9a-f]{64}[\s\\]*", digest) for digest in hashes)


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_there_are_wheels_for_both_architectures(machine, python):
    """No compiler is needed on a Jetson: pip finds a locked wheel of everything, in one run."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
    command += ["--only-binary=:all:", "--python-version=" + python, "--target=/nowhere"]
    command += ["--platform=manylinux_2_%d_%s" % (glibc, machine) for glibc in (17, 28)]
    command += ["--require-hashes", *("--requirement=%s" % path for path in LOCKS.glob("*.txt"))]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_images_install_by_hash_alone():
    """Every `pip install` of the Dockerfiles is of a lock, or of wheels that were just built."""
    for name in ("collector", "controller"):
        text = (LOCKS.parent / ("Dockerfile." + name)).read_text(encoding="utf-8")
        steps = text.replace("\\\n", " ").split("&&")
        installs = [step.split() for step in steps if " install " in step]
        assert len(installs) == 3
        for words in installs:
            assert "--require-hashes" in words or {"--no-index", "--no-deps"} <= set(words)
