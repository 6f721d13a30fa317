"""How much memory the collector may take, and how much it takes."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

log = logging.getLogger(__name__)

#: The default for the whole process in bytes, unless its cgroup allows less.
DEFAULT_MEMORY = 60 * 1024 * 1024
#: The least budget for clients in bytes: with less it would serve nobody.
LEAST = 4 * 1024 * 1024
#: Bytes beyond what it takes once it is set up: for temporary data of answers, and what the
#: allocator doesn't give back.
HEADROOM = 4 * 1024 * 1024


def limit(asked: int | None, *, proc: str = "/proc", cgroups: str = "/sys/fs/cgroup") -> int:
    """Return the bytes that the process may take: ``asked``, else the default or its cgroup's."""
    cgroup = of_cgroup(proc=proc, cgroups=cgroups)
    if asked is None:
        return min(DEFAULT_MEMORY, cgroup or DEFAULT_MEMORY)
    if cgroup is not None and cgroup < asked:
        log.warning("--limit.memory is %d bytes, but the cgroup allows %d", asked, cgroup)
    return asked


def for_strangers(limit: int, taken: int) -> int:
    """Return the part of a limit that is left for what clients make the process hold."""
    left = limit - taken - HEADROOM
    if left < LEAST:
        log.warning(
            "the collector itself takes %d of %d bytes of memory, so it may exceed the limit; "
            "raise --limit.memory or the cgroup's limit",
            taken,
            limit,
        )
    return max(left, LEAST)


def taken() -> int:
    """Return the bytes of this process that are in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def of_cgroup(*, proc: str = "/proc", cgroups: str = "/sys/fs/cgroup") -> int | None:
    """Return the lowest limit of this process's cgroup and those above it; None without one.

    For version 1 and 2. A container sees its own cgroup as the root, whatever its path says.
    """
    limits: list[int] = []
    for path in _files(proc, Path(cgroups)):
        try:
            limits.append(int(path.read_text()))
        except (OSError, ValueError):  # none, or "max"
            continue
    return min(limits, default=None)


def _files(proc: str, cgroups: Path) -> Iterator[Path]:
    try:
        with open(f"{proc}/self/cgroup", encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return
    for line in lines:
        number, controllers, path = [*line.split(":", 2), "", ""][:3]
        if "memory" in controllers.split(","):
            root, name = cgroups / "memory", "memory.limit_in_bytes"
        elif number == "0":
            root, name = cgroups, "memory.max"
        else:
            continue
        own = root / path.lstrip("/")
        for folder in (own, *own.parents):
            if folder == root or root in folder.parents:
                yield folder / name
        yield root / name
