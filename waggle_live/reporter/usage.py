"""CPU seconds of this process, and the memory of its container or of itself."""

import os
import time
from typing import Any, Callable, Dict, Optional

_CONTAINER_MARKS = ("kubepods", "docker", "libpod", "containerd", "crio", "lxc")


class ProcessUsage:
    """Reads the kernel's figures. ``root`` is where /proc and /sys are, for tests.

    Memory is the container's working set (usage less inactive file cache, as the kubelet counts
    it for eviction), from cgroup v2 or v1; outside of a container the resident set of this
    process, since there the cgroup is a login session's or a whole service's.
    """

    def __init__(self, root: str = "/") -> None:
        self._root = root
        self._usage = ""
        self._inactive = b""
        if self._is_in_container():
            self._find_cgroup()

    def read(self) -> Dict[str, Any]:
        """Return the ``process`` object of an update; what can't be read is left out."""
        message: Dict[str, Any] = {"cpu_seconds": round(time.process_time(), 6)}
        try:
            if self._usage:
                message["memory_bytes"] = self._working_set()
                message["memory_scope"] = "container"
            else:
                resident = int(self._read("proc/self/statm").split()[1])
                message["memory_bytes"] = resident * os.sysconf("SC_PAGE_SIZE")
                message["memory_scope"] = "process"
        except (OSError, ValueError, IndexError):
            pass
        return message

    def _working_set(self) -> int:
        usage = int(self._read(self._usage))
        for line in self._read(os.path.dirname(self._usage) + "/memory.stat").splitlines():
            if line.startswith(self._inactive):
                return max(0, usage - int(line.split()[1]))
        return usage

    def _find_cgroup(self) -> None:
        """Find the memory files: under the cgroup's path, or, where the container has a cgroup
        namespace or mounts only its own part, at the top."""
        try:
            lines = self._read("proc/self/cgroup").decode().splitlines()
        except (OSError, ValueError):
            return
        for line in lines:
            _, controllers, path = [*line.split(":", 2), "", ""][:3]
            if controllers == "":
                base, name, inactive = "sys/fs/cgroup", "memory.current", b"inactive_file "
            elif "memory" in controllers.split(","):
                base, name = "sys/fs/cgroup/memory", "memory.usage_in_bytes"
                inactive = b"total_inactive_file "
            else:
                continue
            for directory in (base + path.rstrip("/"), base):
                if os.path.exists(os.path.join(self._root, directory, name)):
                    self._usage = directory + "/" + name
                    self._inactive = inactive
                    return

    def _is_in_container(self) -> bool:
        marks = (".dockerenv", "run/.containerenv")
        if os.environ.get("WAGGLE_APP_ID"):
            return True
        if any(os.path.exists(os.path.join(self._root, mark)) for mark in marks):
            return True
        try:
            text = self._read("proc/self/cgroup").decode()
        except (OSError, ValueError):
            return False
        return any(mark in text for mark in _CONTAINER_MARKS)

    def _read(self, path: str) -> bytes:
        with open(os.path.join(self._root, path), "rb") as file:
            return file.read()


class Figures:
    """What the process has used, told by one session at a time, so that none of it is told twice.

    The first session that asks tells it. When it has ended, the next that asks tells the rest.
    """

    def __init__(self, read: Callable[[], Dict[str, Any]]) -> None:
        self._read = read
        self._teller: Optional[Teller] = None
        #: CPU seconds that sessions have told which have ended.
        self._told = 0.0

    def teller(self) -> "Teller":
        """Return what a new session asks."""
        return Teller(self)

    def read(self, teller: "Teller") -> Optional[Dict[str, Any]]:
        """Return the ``process`` object for one session; None for all others."""
        if self._teller is None:
            self._teller = teller
        if self._teller is not teller:
            return None
        message = self._read()
        message["cpu_seconds"] = round(message["cpu_seconds"] - self._told, 6)
        return message

    def end(self, teller: "Teller", told: float) -> None:
        """The session of ``teller`` has ended, and told so many CPU seconds."""
        if self._teller is teller:
            self._teller = None
            self._told += told


class Teller:
    """What one session tells of the process; without figures nothing. Used by one thread."""

    def __init__(self, figures: Optional[Figures] = None) -> None:
        self._figures = figures
        self._told = 0.0

    def read(self) -> Optional[Dict[str, Any]]:
        """Return the ``process`` object of an update; None where another session tells it."""
        message = self._figures.read(self) if self._figures is not None else None
        if message is not None:
            self._told = message["cpu_seconds"]
        return message

    def end(self) -> None:
        """Leave the rest to another session."""
        if self._figures is not None:
            self._figures.end(self, self._told)
