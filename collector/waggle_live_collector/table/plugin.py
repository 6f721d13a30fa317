"""The merged state of one plugin: one identity, and any number of processes."""

from collections.abc import Iterator
from math import fsum
from typing import Protocol

from msgspec import Struct

from waggle_live.wire.protocol import Labels

from ..clock import Seconds
from ..identity.labels import IdentityLabels, ProcessInfo
from ..identity.peer import Handle, Peer
from ..messages import MemoryScope, Whole
from . import exact_sum, exits
from .kinds import AnyTotals
from .recent import GIVEN_UP, Recent
from .series import Key, Series, Stamp

#: The states of a plugin. ``gone``: it has left the table, and only its exits are known.
UP, SILENT, ENDED, GONE = "up", "silent", "ended", "gone"
#: Seconds without a message after which a plugin is silent. A client sends every 2 s at least.
SILENT_SECONDS = 4.0
#: Seconds until CPU time has been reported, at most. A client sends it every 2 s at least.
CPU_LAG_SECONDS = 2.5


class Member(Protocol):
    """What a plugin needs to know about each of its processes."""

    id: str
    connected: bool
    started: float
    last_seen: float
    memory_bytes: int | None
    memory_scope: MemoryScope
    info: ProcessInfo
    handle: Handle | None
    peer: Peer


class Plugin(Struct, array_like=True, dict=True, eq=False):
    """The merged state of one identity. Its fields are a row of the state file.

    ``series`` only grows while the plugin is in the table. ``processes`` has the connected ones and
    those within their holding time. Belongs to the event loop.
    """

    identity: IdentityLabels
    info: ProcessInfo
    totals: list[AnyTotals] = []
    #: Parts of the exact sum of CPU seconds.
    cpu: list[float] = []
    exits: dict[str, Whole] = {}
    #: Unix time, by its own clock, at which the oldest connected process began.
    started: float = 0.0
    #: Monotonic time of the latest message.
    last_seen: Seconds = 0.0
    #: Monotonic time at which the last process disconnected; None while one is connected.
    left_at: Seconds | None = None
    #: The app_id whose labels are being looked up, while ``identity`` is provisional; else "".
    pending: str = ""
    #: Monotonic time from which a plugin with a provisional identity is shown.
    shown_at: Seconds = 0.0
    #: How the latest process ended, of those that count; "" while none has.
    status: str = ""
    #: Bytes of its series by the principal that made them, see ``budget.py``.
    paid: dict[str, Whole] = {}

    def __post_init__(self) -> None:
        exact_sum.check(self.cpu)
        self.exits = exits.known(self.exits)
        self.series: dict[Key, Series] = {}
        self.stamps: dict[tuple[str, Labels], Stamp] = {}
        self.processes: dict[str, Member] = {}
        #: Nanoseconds of CPU time.
        self.recent_cpu = Recent()
        #: Whether the table has dropped it. Processes that return then begin anew.
        self.gone = False
        for totals in self.totals:
            self._enter(self.make(totals))

    def make(self, totals: AnyTotals) -> Series:
        """Return a series that counts in ``totals``. :meth:`add` adds it to the plugin."""
        named = totals.name, totals.labels
        # Only series that an author made show an update time, and share it by name.
        known = self.stamps.get(named) if totals.is_authored else None
        return totals.series(known or Stamp(*named))

    def add(self, series: Series) -> None:
        """Add a series that is new to the plugin."""
        self.totals.append(series.totals)
        self._enter(series)

    def _enter(self, series: Series) -> None:
        totals = series.totals
        self.series[Key(totals.kind, totals.name, totals.labels)] = series
        if totals.is_authored:
            self.stamps.setdefault((totals.name, totals.labels), series.stamp)

    def give_up_history(self) -> None:
        """Drop the windows of all its series for good, since the budget holds them as one."""
        for series in self.series.values():
            if series.is_windowed:
                series.recent = GIVEN_UP

    def connected(self) -> Iterator[Member]:
        """Yield the processes that are connected now."""
        return (process for process in self.processes.values() if process.connected)

    @property
    def up(self) -> bool:
        """Whether a process of it is connected."""
        return self.left_at is None

    def state(self, now: float) -> str:
        """Return :data:`UP`, :data:`SILENT` or :data:`ENDED`.

        A plugin without a connection is silent, since it may return, until its processes are known
        to have ended.
        """
        heard = [process.last_seen for process in self.connected()]
        if heard:
            return UP if now - max(heard) <= SILENT_SECONDS else SILENT
        return SILENT if self.processes else ENDED

    def silent_seconds(self, now: float) -> float:
        """Return the seconds since the last message of a silent plugin; 0 for others."""
        return max(now - self.last_seen, 0.0) if self.state(now) == SILENT else 0.0

    def attend(self, at: float) -> None:
        """Update ``started`` and ``left_at`` after a process connected or disconnected."""
        started = [process.started for process in self.connected()]
        if started:
            self.started, self.left_at = min(started), None
        elif self.left_at is None:
            self.left_at = at

    def exit(self, status: str) -> None:
        """Count the end of a process. ``status`` is one of :data:`exits.STATUSES`."""
        self.exits[status] += 1
        self.status = status

    def cpu_seconds(self) -> float | None:
        """Return the CPU seconds of all processes so far; None if none has reported any."""
        return fsum(self.cpu) or None  # a process that runs has used some

    def cpu_per_second(self, now: float) -> float | None:
        """Return the CPU seconds used per second, over the last 10 s; None if unknown."""
        self.recent_cpu.advance(now)
        rate = self.recent_cpu.per_second(now, CPU_LAG_SECONDS)
        return rate / 1e9 if rate else None

    def memory_bytes(self) -> int | None:
        """Return the memory of the connected processes; None if none reports it."""
        told = self._memory()
        return sum(told.values()) if told else None

    def memory_scope(self) -> str | None:
        """Return whose memory that is, ``container`` or ``process``; None if unknown or mixed."""
        scopes = {scope for scope, _ in self._memory()}
        return scopes.pop() if len(scopes) == 1 else None

    def _memory(self) -> dict[tuple[str, str], int]:
        """Return the memory by scope and owner.

        Each process in a container reports the memory of the whole container. So the newest report
        per container (app_id) counts. Processes outside containers add up.
        """
        told: dict[tuple[str, str], int] = {}
        for process in sorted(self.connected(), key=lambda process: process.last_seen):
            if process.memory_bytes is not None:
                scope = process.memory_scope
                whose = process.id if scope == "process" else process.info.app_id
                told[scope, whose] = process.memory_bytes
        return told
