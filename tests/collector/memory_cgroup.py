"""A real memory cgroup for one process, as a container with a limit has, and what it took."""

import contextlib
import os
import uuid
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")


class MemoryCgroup:
    """Bounds the memory of the processes in it; a context manager that removes it.

    ``path`` is None where no cgroup can be made, as without root. A process that joins is not
    bounded then: look at :meth:`CollectorProcess`'s own peak in ``/proc`` instead.
    """

    def __init__(self, limit):
        self.path = None
        for parent, name in ((_ROOT / "memory", "memory.limit_in_bytes"), (_ROOT, "memory.max")):
            path = parent / f"waggle-live-{uuid.uuid4()}"
            with contextlib.suppress(OSError):
                path.mkdir()
                self.path = path
                # Without the controller a cgroup of version 2 has no such file.
                (path / name).write_text(str(limit))
                return
            self.remove()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def join(self):
        """Put this very process into it (in a child before it executes)."""
        if self.path is not None:
            (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def kills(self):
        """Return how many of its processes the kernel has killed for want of memory."""
        for name in ("memory.oom_control", "memory.events"):
            with contextlib.suppress(OSError):
                lines = (self.path / name).read_text().splitlines()
                return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
        return 0

    def remove(self):
        """Remove it; its processes must have ended."""
        path, self.path = self.path, None
        if path is not None:
            with contextlib.suppress(OSError):
                path.rmdir()
