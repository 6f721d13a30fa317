"""Real cgroups named as the kubelet names those of pods, with real processes in them."""

import contextlib
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

_ROOT = Path("/sys/fs/cgroup")
#: Of the container.
ID = "0123456789abcdef" * 4
#: Connects, says what it is given, then copies between the socket and its own pipes.
_SPEAKER = """
import contextlib, socket, sys, threading
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
def answers():
    for line in connection.makefile("rb"):
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
threading.Thread(target=answers, daemon=True).start()
for line in sys.stdin.buffer:
    with contextlib.suppress(OSError):  # refused already: the answer says so
        connection.sendall(line)
"""


def _hierarchy():
    """Return where cgroups can be made: version 2, else one of version 1 without limits."""
    for path in (_ROOT, _ROOT / "unified"):
        if (path / "cgroup.procs").exists():
            return path
    for name in ("systemd", "pids", "freezer"):
        if (_ROOT / name / "cgroup.procs").exists():
            return _ROOT / name
    return None


class PodCgroup:
    """A cgroup of a pod and of a container in it; a context manager that removes them.

    ``systemd``: named as by that driver of the kubelet, else as by cgroupfs. ``below``: made in
    another's, as a container with rights to its own cgroup could.
    """

    def __init__(self, *, systemd=False, below=None):
        self.uid = str(uuid.uuid4())
        hierarchy = below.path if below is not None else _hierarchy()
        under = self.uid.replace("-", "_")
        parts = (
            ("kubepods.slice", f"kubepods-pod{under}.slice", f"cri-containerd-{ID}.scope")
            if systemd
            else ("kubepods", "burstable", f"pod{self.uid}", ID)
        )
        self._made = []
        self.path = hierarchy
        try:
            if hierarchy is None:
                raise OSError("no hierarchy of cgroups")
            for part in parts:
                self.path = self.path / part
                self.path.mkdir(exist_ok=True)
                self._made.append(self.path)
        except OSError as error:
            self.remove()
            reason = f"cgroups can't be made here (as root, /sys/fs/cgroup writable): {error}"
            assert not os.environ.get("CI"), reason
            pytest.skip(reason)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        """Remove what is empty of it."""
        for path in reversed(self._made):
            with contextlib.suppress(OSError):
                path.rmdir()

    def join(self):
        """Put this very process into it (in a child before it executes)."""
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def run(self, arguments, **more):
        """Start a program in it."""
        return subprocess.Popen(arguments, preexec_fn=self.join, **more)  # noqa: PLW1509

    def speaker(self, collector):
        """Return a process in it that carries lines to the collector and back."""
        return self.run(
            [sys.executable, "-c", _SPEAKER, collector.socket_path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
