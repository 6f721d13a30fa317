"""CPU seconds of this process, and the memory of its container or of itself."""

import os
import re
from typing import Any, Dict, Optional

from ..native import Native

#: The cgroup that a runtime makes for a container, not the runtime's own service.
_CONTAINER = re.compile("kubepods|(?:^|/)(?:docker[/-]|libpod-|cri-containerd-|crio-|lxc[/.])[^/]")
#: Files that a runtime leaves in a container's root. Unpacked images have them too.
_MARKS = (".dockerenv", "run/.containerenv")


class ProcessUsage:
    """Reads the kernel's figures. ``root``: where /proc and /sys are, for tests.

    Memory is the container's working set, from cgroup v2 or v1: usage less inactive file cache, as
    the kubelet counts it for eviction. Outside of a container it is the resident set of this
    process: the cgroup there is a login session's or a whole service's.
    """

    def __init__(self, root: str = "/") -> None:
        self._root = root
        #: The container's file of memory usage, and the cache's name in the memory.stat beside it.
        self._usage, self._inactive = "", b""
        try:
            cgroup = self._read("proc/self/cgroup").decode()
        except (OSError, ValueError):
            return
        self._find_memory(cgroup)

    def read(self) -> Dict[str, Any]:
        """Return the ``process`` object of an update. What can't be read is left out."""
        message: Dict[str, Any] = {"cpu_seconds": round(Native.process_time(), 6)}
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

    def _find_memory(self, cgroup: str) -> None:
        """Find the container's memory files: under the cgroup's path, or at the top.

        They are at the top if the container has a cgroup namespace, or mounts only its own part.
        """
        is_pod = bool(os.environ.get("WAGGLE_APP_ID"))
        is_marked = any(self._exists(mark) for mark in _MARKS)
        for line in cgroup.splitlines():
            _, controllers, path = [*line.split(":", 2), "", ""][:3]
            # Any path but a namespace's top belongs to something else, such as a login session.
            if not (is_pod or _CONTAINER.search(path) or (is_marked and path == "/")):
                continue
            if controllers == "":
                base, name, inactive = "sys/fs/cgroup", "memory.current", b"inactive_file "
            elif "memory" in controllers.split(","):
                base, name = "sys/fs/cgroup/memory", "memory.usage_in_bytes"
                inactive = b"total_inactive_file "
            else:
                continue
            for directory in (base + path.rstrip("/"), base):
                if self._exists(directory + "/" + name):
                    self._usage, self._inactive = directory + "/" + name, inactive
                    return

    def _exists(self, path: str) -> bool:
        return Native.exists(os.path.join(self._root, path))

    def _read(self, path: str) -> bytes:
        return Native.read_file(os.path.join(self._root, path))


class Figures:
    """The CPU and memory of the process, told by one session at a time, so none is told twice.

    The first session that asks tells it. When that has ended, the next one tells the rest.
    """

    def __init__(self) -> None:
        self._usage = ProcessUsage()
        self._teller: Any = None
        #: CPU seconds at the last reading, and those told by sessions that have ended.
        self._cpu = self._told = 0.0

    def read(self, teller: Any) -> Optional[Dict[str, Any]]:
        """Return the ``process`` object for the session of ``teller``; None for all others."""
        if self._teller is None:
            self._teller = teller
        if self._teller is not teller:
            return None
        message = self._usage.read()
        self._cpu = message["cpu_seconds"]
        message["cpu_seconds"] = round(self._cpu - self._told, 6)
        return message

    def end(self, teller: Any) -> None:
        """Leave the rest to another session, since that of ``teller`` has ended."""
        if self._teller is teller:
            self._teller = None
            self._told = self._cpu
