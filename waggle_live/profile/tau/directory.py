"""A directory of profiles: all that programs under TAU write there, whole files or nothing.

TAU writes in place, so a file may be read while it is being written. One is read only if it stood
still for :data:`SETTLE` before and did not change meanwhile, and taken only if it is whole; what
it said before stands until then. Files of several metrics lie in ``MULTI__<METRIC>``.
"""

import os
import re
import time
from operator import add
from stat import S_ISREG
from typing import Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from ...wire.errors import InvalidProfile
from . import names
from .profile import Profile, Run, parse

#: Seconds that a file that changed must have been left alone; longer than a tick of its time.
SETTLE = 0.02
#: A larger file is not read but counted as torn.
DEFAULT_MAX_BYTES = 64 << 20
#: Of more files those that were written last are read.
DEFAULT_MAX_FILES = 4096
#: The metrics that are times, in microseconds; any other is listed and left alone.
TIME, CPU_TIME = "TIME", "CPU_TIME"

_FILE = re.compile(r"([^.].*)\.(-?\d+)\.(\d+)\.(\d+)\Z")
_MULTI = "MULTI__"

#: Calls, exclusive and inclusive nanoseconds.
Values = Tuple[int, int, int]
#: By key (see :mod:`waggle_live.profile.tau.names`).
Functions = Dict[bytes, Values]
_Signature = Tuple[int, int, int]


class Reading(NamedTuple):
    """All that is known of one run: the sums over its threads, by metric."""

    run: Run
    command: str
    has_ended: bool
    #: Unix time at which the newest of its files was written.
    dumped: float
    metrics: Dict[str, Functions]


class _File(NamedTuple):
    profile: Profile  # without its rows
    thread: str
    dumped: float
    functions: Functions


class Directory:
    """Reads a directory again and again; not thread-safe. Nothing in it is ever changed."""

    def __init__(
        self,
        path: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        max_bytes: int = DEFAULT_MAX_BYTES,
        max_files: int = DEFAULT_MAX_FILES,
    ) -> None:
        #: Files that were not whole when they were read, or changed meanwhile.
        self.torn = 0
        #: Metrics that were found and are not forwarded.
        self.others: Set[str] = set()
        #: Files that were too many and are left alone, at the last look.
        self.surplus = 0
        self._path = path
        self._sleep = sleep
        self._max_bytes = max_bytes
        self._max_files = max_files
        self._seen: Dict[str, _Signature] = {}
        self._files: Dict[str, _File] = {}  # those that were ever whole
        self._last: List[Reading] = []

    def read(self) -> List[Reading]:
        """Return what the runs have come to, the oldest first; never raises for what is there."""
        found = self._look()
        changed = [path for path in found if found[path] != self._seen.get(path)]
        gone = self._seen.keys() - found.keys()
        self._seen = found
        if changed:
            self._sleep(SETTLE)
        for path in changed:
            self._take(path, found[path])
        for path in gone:
            self._files.pop(path, None)
        if changed or gone:
            self._last = self._readings()
        return self._last

    def _look(self) -> Dict[str, _Signature]:
        found: Dict[str, _Signature] = {}
        multi = [entry for entry in _list(self._path) if entry.startswith(_MULTI)]
        for directory in [self._path, *(os.path.join(self._path, entry) for entry in multi)]:
            for entry in _list(directory):
                path = os.path.join(directory, entry)
                signature = _signature(path) if _FILE.match(entry) else None
                if signature is not None:
                    found[path] = signature
        self.surplus = max(0, len(found) - self._max_files)
        # A program that adds a file with each dump must not be left at its first ones.
        for path in sorted(found, key=lambda path: found[path][1])[: self.surplus]:
            del found[path]
        return found

    def _take(self, path: str, signature: _Signature) -> None:
        """Read one file; one that is not whole is counted, and what it said before stands."""
        try:
            if signature[2] > self._max_bytes or _signature(path) != signature:
                raise InvalidProfile("it is too large, or being written")
            with open(path, "rb") as file:
                data = file.read(self._max_bytes + 1)
            if _signature(path) != signature:
                raise InvalidProfile("it was written meanwhile")
            profile = parse(data)
            functions = _functions(profile) if profile.metric in (TIME, CPU_TIME) else {}
        except (OSError, InvalidProfile, OverflowError):
            self.torn += 1
            return
        if profile.metric not in (TIME, CPU_TIME):
            self.others.add(profile.metric)
        thread = path.rsplit(".", 2)[1] + "." + path.rsplit(".", 2)[2]
        whole = profile._replace(rows=[])
        self._files[path] = _File(whole, thread, signature[1] / 1e9, functions)

    def _readings(self) -> List[Reading]:
        runs: Dict[Run, List[_File]] = {}
        for file in self._files.values():
            runs.setdefault(file.profile.run, []).append(file)
        readings = []
        for run, files in runs.items():
            readings.append(
                Reading(
                    run,
                    files[0].profile.command,
                    any(file.profile.has_ended for file in files),
                    max(file.dumped for file in files),
                    {metric: _over_threads(files, metric) for metric in (TIME, CPU_TIME)},
                )
            )
        return sorted(readings, key=lambda reading: (reading.run.started, reading.run.pid))


def _functions(profile: Profile) -> Functions:
    """Sum up what of a profile counts, by key; raises OverflowError for an infinite time."""
    functions: Functions = {}
    groups = {row[4] for row in profile.rows}
    repeated = {group: names.REPEATED.search(group) is not None for group in groups}
    for name, calls, exclusive, inclusive, group in profile.rows:
        if repeated[group]:
            continue
        key = names.key(name)
        # Microseconds, in TAU's %.16G mostly whole.
        values = (int(calls), round(float(exclusive) * 1000), round(float(inclusive) * 1000))
        functions[key] = _join(functions[key], values, add) if key in functions else values
    return functions


def _over_threads(files: List[_File], metric: str) -> Functions:
    """Sum up over the threads. Of one thread there may be several files, a dump and the final
    profile, each the whole state of its time: the larger values are the later."""
    threads: Dict[str, Functions] = {}
    for file in files:
        if file.profile.metric == metric:
            other = threads.get(file.thread)
            threads[file.thread] = _merge(other or {}, file.functions, max)
    sums: Functions = {}
    for functions in threads.values():
        sums = _merge(sums, functions, add)
    return sums


def _merge(a: Functions, b: Functions, how: Callable[[int, int], int]) -> Functions:
    if not a:
        return b
    merged = dict(a)
    for key, values in b.items():
        merged[key] = _join(merged[key], values, how) if key in merged else values
    return merged


def _join(a: Values, b: Values, how: Callable[[int, int], int]) -> Values:
    return how(a[0], b[0]), how(a[1], b[1]), how(a[2], b[2])


def _list(directory: str) -> List[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []


def _signature(path: str) -> Optional[_Signature]:
    """Return what changes when a file is written or replaced; None if it is no plain file."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    if not S_ISREG(stat.st_mode):
        return None  # a fifo would be waited for
    return stat.st_ino, stat.st_mtime_ns, stat.st_size
