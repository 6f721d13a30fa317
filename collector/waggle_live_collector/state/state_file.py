"""The state file: what lets a killed collector come back without any counter falling.

Guarantee: what a scrape showed, and what a ``bye`` was answered for, is in the file before.
The file is replaced atomically; it needs no disk (a tmpfs or memory volume does), since it is
there for the collector's death and not for the node's. Only processes and plugins that changed
are encoded again. Written synchronously in the event loop: nothing can change meanwhile.

A file that can't be written costs the guarantee and nothing else: it is logged once and
counted. A file that can't be read is moved aside and the collector starts empty.
"""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Generic, TypeVar

from msgspec import DecodeError, Meta, Raw, Struct, field, json

from ..clock import Clock
from ..own_metrics import OwnMetrics
from ..table.buckets import encode_counts
from ..table.exits import GoneRow
from ..table.plugin import Plugin
from ..table.process import Process
from ..table.processes import Processes
from ..table.table import Table
from ..table.tombstones import ClosedRow
from . import older

log = logging.getLogger(__name__)

#: Of the format that is written. That of the release before is read, see :mod:`.older`.
FORMAT = 2
#: Writes for ``bye`` wait until this many times the last write's duration has passed ...
COALESCE = 10
#: ... but at most this many seconds.
MAX_DELAY = 0.1

#: Of a clock; more is none, and would not fit where times are packed.
Seconds = Annotated[float, Meta(ge=-1e9, le=1e9)]

P = TypeVar("P")
Q = TypeVar("Q")

_BOOT_ID = "/proc/sys/kernel/random/boot_id"


class State(Struct, Generic[P, Q]):
    """The file: plugins and processes when it is read, their text when it is written.

    ``monotonic`` and ``boot``: when, by which clock; ``ahead``: see :class:`Clock`.
    """

    format: int
    boot: str
    monotonic: Seconds
    plugins: list[P]
    processes: list[Q] = field(name="sessions")
    closed: list[ClosedRow] = field(name="ended")
    gone: list[GoneRow] = []
    ahead: Seconds = 0.0


@dataclass(eq=False, kw_only=True)
class StateFile:
    """Reads the table at the start, writes it when it changed. Belongs to the event loop.

    Without a path nothing is kept, and nobody waits.
    """

    path: str | None
    table: Table
    processes: Processes
    own: OwnMetrics
    clock: Clock

    def __post_init__(self) -> None:
        self._path = None if self.path is None else Path(self.path)
        self._written = -1
        self._next_at = 0.0
        self._failing = False
        self._waiting: list[Callable[[], None]] = []
        self._timer: asyncio.TimerHandle | None = None

    def load(self) -> bool:
        """Fill table and processes and set the clock; True if there was a state to load."""
        if self._path is None:
            return False
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            log.info("no state file yet at %s", self._path)
            return False
        except OSError as error:
            log.error("can't read state file %s: %s; starting empty", self._path, error.strerror)
            return False
        try:
            state = _decode(data)
            self._restore(state)
        except (DecodeError, ValueError, KeyError) as error:
            aside = self._path.with_name(self._path.name + ".corrupt")
            log.error("bad state file %s: %s; moved to %s", self._path, error, aside)
            with contextlib.suppress(OSError):
                self._path.replace(aside)
            return False
        log.info(
            "state loaded: plugins=%d processes=%d awaited=%d",
            len(state.plugins),
            len(state.processes),
            len(self.processes.awaited),
        )
        return True

    def save(self) -> None:
        """Write the file if anything changed; never raises."""
        version = self.table.version
        if self._path is not None and version != self._written:
            begin = time.perf_counter()
            if self._write(self._path):
                self._written = version
            took = time.perf_counter() - begin
            self.own.state_writes.observe(took)
            self._next_at = self.clock.monotonic() + min(COALESCE * took, MAX_DELAY)
        waiting, self._waiting = self._waiting, []
        for call in waiting:
            call()

    def when_saved(self, call: Callable[[], None]) -> None:
        """Run ``call`` once all that is applied now is in the file (or can't be written)."""
        if self._path is None:
            call()
            return
        self._waiting.append(call)
        if self._timer is None:
            delay = max(self._next_at - self.clock.monotonic(), 0.0)
            self._timer = asyncio.get_running_loop().call_later(delay, self._due)

    def _due(self) -> None:
        self._timer = None
        self.save()

    def _write(self, path: Path) -> bool:
        data = json.encode(
            State(
                FORMAT,
                _boot_id(),
                self.clock.monotonic(),
                [_row(plugin) for plugin in self.table.plugins.values()],
                [_row(process) for process in self.processes.all() if not process.plugin.gone],
                list(self.processes.tombstones.closed.values()),
                list(self.table.gone.rows.values()),
                self.clock.ahead,
            )
        )
        temporary = f"{path}.tmp"
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "wb") as file:
                file.write(data)
            os.replace(temporary, path)
        except OSError as error:
            self.own.state_failures.inc()
            if not self._failing:
                log.error("can't write state file %s: %s; going on without", path, error.strerror)
            self._failing = True
            return False
        if self._failing:
            log.info("state file %s is written again", path)
        self._failing = False
        return True

    def _restore(self, state: State[Plugin, Process]) -> None:
        now, ahead = self.clock.monotonic(), state.ahead
        # After a reboot the system's clock began anew: treat the time between as none.
        if state.boot != _boot_id() or state.monotonic > now + ahead:
            ahead = state.monotonic - now
        known = {plugin.identity: plugin for plugin in state.plugins}
        for process in state.processes:
            process.join(known[process.identity])
        self.clock.go_on(ahead)
        for plugin in state.plugins:
            self.table.restore(plugin)
            if plugin.left_at is None:
                plugin.left_at = self.clock.monotonic()
        for process in state.processes:
            self.processes.restore(process)
        self.processes.tombstones.closed.update({row.id: row for row in state.closed})
        for gone in state.gone:
            self.table.gone.add(gone.identity, gone.exits, gone.at)


_encode = json.Encoder(enc_hook=encode_counts).encode


def _row(owner: Process | Plugin) -> Raw:
    if owner.encoded is None:
        owner.encoded = Raw(_encode(owner))
    return owner.encoded


def _decode(data: bytes) -> State[Plugin, Process]:
    form = json.decode(data, type=_Format).format
    if form == older.FORMAT:
        data = older.converted(data)
    elif form != FORMAT:
        raise ValueError(f"its format is {form}, this collector reads {FORMAT}")
    return json.decode(data, type=State[Plugin, Process])


class _Format(Struct):
    format: int


def _boot_id() -> str:
    try:
        with open(_BOOT_ID) as file:
            return file.read().strip()
    except OSError:
        return ""
