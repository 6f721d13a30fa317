"""All that is known of one plugin: one identity, any number of processes, dead or alive."""

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

#: What a plugin is to whoever looks at it. One that has left the table is known by its exits alone.
UP, SILENT, ENDED, GONE = "up", "silent", "ended", "gone"
#: A connected process says something every two seconds at least.
SILENT_SECONDS = 4.0
#: It tells its CPU time every two seconds at least; so long the next figures can be under way.
CPU_LAG_SECONDS = 2.5


class Member(Protocol):
    """What a plugin needs to know of each of its processes."""

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
    """The merged state of one identity; its fields are a row of the state file.

    ``series`` only ever grow while the plugin is known. ``processes`` are the connected ones
    and those within their holding time.
    """

    identity: IdentityLabels
    info: ProcessInfo
    totals: list[AnyTotals] = []
    #: Parts of the exact sum of CPU seconds.
    cpu: list[float] = []
    exits: dict[str, Whole] = {}
    #: Unix time at which the oldest of the living processes began, by its own clock.
    started: float = 0.0
    #: Monotonic time of the latest message.
    last_seen: Seconds = 0.0
    #: Monotonic time since which no process is connected; None while one is.
    left_at: Seconds | None = None
    #: The app_id whose labels are not known yet: ``identity`` is provisional. Else "".
    pending: str = ""
    #: Monotonic time from which it is shown even so.
    shown_at: Seconds = 0.0
    #: How the latest process that counts ended; "" while none has.
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
        #: Set when the table drops it: its processes then start anew if they come back.
        self.gone = False
        for totals in self.totals:
            self._enter(self.make(totals))

    def make(self, totals: AnyTotals) -> Series:
        """Return a series that counts in ``totals``; :meth:`add` makes it the plugin's."""
        named = totals.name, totals.labels
        # The update time of what no author made is not shown, so no name shares it.
        known = self.stamps.get(named) if totals.is_authored else None
        return totals.series(known or Stamp(*named))

    def add(self, series: Series) -> None:
        """Take in a series that is new to the plugin."""
        self.totals.append(series.totals)
        self._enter(series)

    def _enter(self, series: Series) -> None:
        totals = series.totals
        self.series[Key(totals.kind, totals.name, totals.labels)] = series
        if totals.is_authored:
            self.stamps.setdefault((totals.name, totals.labels), series.stamp)

    def give_up_history(self) -> None:
        """Let the windows of all its series go, for good: whoever made it holds them together."""
        for series in self.series.values():
            if series.is_windowed:
                series.recent = GIVEN_UP

    def connected(self) -> Iterator[Member]:
        """Yield the processes that are connected now."""
        return (process for process in self.processes.values() if process.connected)

    @property
    def up(self) -> bool:
        """Is any process of it connected?"""
        return self.left_at is None

    def state(self, now: float) -> str:
        """Return :data:`UP`, :data:`SILENT` or :data:`ENDED`; everything that shows one asks here.

        A plugin whose connection is closed is silent until it is known that its processes are
        gone, for it may come back.
        """
        heard = [process.last_seen for process in self.connected()]
        if heard:
            return UP if now - max(heard) <= SILENT_SECONDS else SILENT
        return SILENT if self.processes else ENDED

    def silent_seconds(self, now: float) -> float:
        """Return since how many seconds a silent plugin said nothing, 0 for one that isn't."""
        return max(now - self.last_seen, 0.0) if self.state(now) == SILENT else 0.0

    def attend(self, at: float) -> None:
        """Look again who is connected, after one came or left."""
        started = [process.started for process in self.connected()]
        if started:
            self.started, self.left_at = min(started), None
        elif self.left_at is None:
            self.left_at = at

    def exit(self, status: str) -> None:
        """Count the end of a process; ``status`` is one of :data:`exits.STATUSES`."""
        self.exits[status] += 1
        self.status = status

    def cpu_seconds(self) -> float | None:
        """Return the CPU time of all processes that ever were, or None if none of them told."""
        return fsum(self.cpu) or None  # a process has none only before it runs

    def cpu_per_second(self, now: float) -> float | None:
        """Return the CPU seconds used in a second, over the last ten; None if none were told."""
        self.recent_cpu.advance(now)
        rate = self.recent_cpu.per_second(now, CPU_LAG_SECONDS)
        return rate / 1e9 if rate else None

    def memory_bytes(self) -> int | None:
        """Return the memory of all that lives, or None while nobody reports it."""
        told = self._memory()
        return sum(told.values()) if told else None

    def memory_scope(self) -> str | None:
        """Return whose that is, ``container`` or ``process``; None if nobody's, or some of both."""
        scopes = {scope for scope, _ in self._memory()}
        return scopes.pop() if len(scopes) == 1 else None

    def _memory(self) -> dict[tuple[str, str], int]:
        """Return the memory by scope and owner.

        Every process of a container reports the whole container's, so the newest report per
        container (app_id) counts once; processes outside containers add up.
        """
        told: dict[tuple[str, str], int] = {}
        for process in sorted(self.connected(), key=lambda process: process.last_seen):
            if process.memory_bytes is not None:
                scope = process.memory_scope
                whose = process.id if scope == "process" else process.info.app_id
                told[scope, whose] = process.memory_bytes
        return told
