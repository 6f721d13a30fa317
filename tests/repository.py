"""What tests take from git: the files of the repository, and how they were at some commit.

Without git, and in an unpacked archive, such a test is skipped. In CI it fails.
"""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
#: For both: who has an archive can only clone.
REASON = (
    "this test needs a clone of the repository with its whole history, and git: "
    "run 'git fetch --unshallow' in a shallow clone"
)


def files():
    """Return the path of each file that git has, or would take."""
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").decode()
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def archive(commit, *paths):
    """Return a tar archive of these folders as they were at a commit."""
    return git("archive", commit, *paths)


def git(*arguments):
    """Return what git prints of this repository."""
    command = ["git", "-C", str(ROOT), *arguments]
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        assert not os.environ.get("CI"), REASON
        pytest.skip(REASON)
