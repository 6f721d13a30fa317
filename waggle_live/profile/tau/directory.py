"""A directory of profiles: all that programs under TAU write there, whole files or nothing.

TAU writes in place, so a file may be read while it is being written. A file is read only if it was
unchanged for :data:`SETTLE` before and does not change meanwhile. It is accepted only if it is
whole; until then its earlier content counts. Files of several metrics are in ``MULTI__<METRIC>``.
"""

import glob
import os
import re
import time
from stat import S_ISREG
from typing import Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from ...wire.errors import InvalidProfile
from . import rows as of_rows
from .profile import Profile, Row, Run, parse
from .start.waggle_live_tau_start import CHILD

#: Seconds that a file must have been unchanged; longer than a tick of its time.
SETTLE = 0.02
#: The largest size in bytes. A larger file is not read but counted as torn.
DEFAULT_MAX_BYTES = 64 << 20
#: The most files. Of more, those that were written last are read.
DEFAULT_MAX_FILES = 4096
#: The metrics that are times, in microseconds. Any other is listed and ignored.
TIME, CPU_TIME = "TIME", "CPU_TIME"

#: The end of a profile's name: node, context, thread. Under ``tau-run`` a forked child's names its
#: parent, and counts again what the parent counted before the fork.
_FILE = re.compile(r"\.(?!%d\.)-?\d+\.(\d+\.\d+)\Z" % CHILD)
#: The other forms of ``TAU_PROFILE_FORMAT``, by the names of their files.
_OTHER_FORMS = (
    ("snapshot", re.compile(r"snapshot\.-?\d+\.\d+\.\d+\Z")),
    ("merged", re.compile(r"tauprofile.*\.xml(?:\.gz)?\Z")),
)

#: Calls, exclusive and inclusive nanoseconds.
Values = Tuple[int, int, int]
_Signature = Tuple[int, int, int]


class Reading(NamedTuple):
    """What one file says: the functions of one thread of a run, measured by one metric."""

    profile: Profile
    #: Its thread. A thread may have several files: a dump and the final profile.
    thread: str
    #: Unix time at which the file was written.
    dumped: float
    #: The rows that count, by key (see :mod:`waggle_live.profile.tau.rows`);
    #: nothing where its metric is no time.
    functions: Dict[bytes, Values]
    #: Keys of those that TAU has stopped measuring.
    throttled: Tuple[bytes, ...] = ()

    @property
    def run(self) -> Run:
        """The run that wrote it."""
        return self.profile.run


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
        #: The number of files that were not whole when they were read, or changed meanwhile.
        self.torn = 0
        #: Metrics that were found and are not forwarded.
        self.others: Set[str] = set()
        #: Forms of profiles that were found and can't be read.
        self.forms: Set[str] = set()
        #: The number of files above the limit, which were ignored at the last reading.
        self.surplus = 0
        #: The run of each present file that was ever whole.
        self.runs: Dict[str, Run] = {}
        self._path = path
        self._sleep = sleep
        self._max_bytes = max_bytes
        self._max_files = max_files
        self._seen: Dict[str, _Signature] = {}

    def read(self) -> List[Reading]:
        """Return the readings of files that changed since the last call, the oldest run first.

        Never raises for what is there.
        """
        before, self._seen = self._seen, self._look()
        changed = [path for path, signature in self._seen.items() if before.get(path) != signature]
        self.runs = {path: run for path, run in self.runs.items() if path in self._seen}
        if changed:
            self._sleep(SETTLE)
        readings = []
        for path in changed:
            try:
                readings.append(self._take(path, self._seen[path]))
            except (OSError, InvalidProfile, OverflowError):
                self.torn += 1
        return sorted(readings, key=lambda reading: (reading.run.started, reading.run.pid))

    def _look(self) -> Dict[str, _Signature]:
        found: Dict[str, _Signature] = {}
        for pattern in ("*", os.path.join("MULTI__*", "*")):  # neither matches hidden files
            for path in glob.iglob(os.path.join(glob.escape(self._path), pattern)):
                form = _other_form(os.path.basename(path))
                if form is not None:
                    self.forms.add(form)
                    continue
                signature = _signature(path) if _FILE.search(path) else None
                if signature is not None:
                    found[path] = signature
        self.surplus = max(0, len(found) - self._max_files)
        # A program that adds a file with each dump must not be stuck at its first ones.
        for path in sorted(found, key=lambda path: found[path][1])[: self.surplus]:
            del found[path]
        return found

    def _take(self, path: str, signature: _Signature) -> Reading:
        """Read one file. Raises OSError, InvalidProfile or OverflowError if it is not whole."""
        if signature[2] > self._max_bytes or _signature(path) != signature:
            raise InvalidProfile("it is too large, or being written")
        with open(path, "rb") as file:
            data = file.read(self._max_bytes + 1)
        if _signature(path) != signature:
            raise InvalidProfile("it was written meanwhile")
        profile = parse(data)
        is_time = profile.metric in (TIME, CPU_TIME)
        if not is_time:
            self.others.add(profile.metric)
        rows = profile.rows if is_time else []
        functions = _functions(rows)
        throttled = tuple(of_rows.key(row[0]) for row in rows if of_rows.is_throttled(row[0]))
        self.runs[path] = profile.run
        thread, written = _FILE.findall(path)[0], signature[1] / 1e9
        return Reading(profile, thread, written, functions, throttled)


def _other_form(name: str) -> Optional[str]:
    return next((form for form, pattern in _OTHER_FORMS if pattern.match(name)), None)


def _functions(rows: List[Row]) -> Dict[bytes, Values]:
    """Add up the rows that count, by key. Raises OverflowError for an infinite time."""
    functions: Dict[bytes, Values] = {}
    groups = {row[4] for row in rows}
    repeated = {group for group in groups if of_rows.REPEATED.search(group)}
    for name, calls, exclusive, inclusive, group in rows:
        if group not in repeated:
            key = of_rows.key(name)
            before = functions.get(key, (0, 0, 0))
            functions[key] = (
                before[0] + int(calls),
                # Microseconds, which are mostly whole in TAU's %.16G.
                before[1] + round(float(exclusive) * 1000),
                before[2] + round(float(inclusive) * 1000),
            )
    # That thread is no part of the program.
    return {} if any(map(of_rows.is_dumper, functions)) else functions


def _signature(path: str) -> Optional[_Signature]:
    """Return a value that changes when a file is written or replaced; None for no plain file."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    if not S_ISREG(stat.st_mode):
        return None  # reading a fifo would wait
    return stat.st_ino, stat.st_mtime_ns, stat.st_size
