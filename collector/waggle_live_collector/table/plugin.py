"""All that is known of one plugin: one identity, any number of processes, dead or alive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from msgspec import Raw, Struct

from waggle_live.wire.protocol import Labels

from ..identity.labels import IdentityLabels, ProcessInfo
from . import exits
from .exact_sum import ExactSum
from .kinds import AnyTotals
from .series import NEVER, Key, Series, Stamp

#: What a plugin is to whoever looks at it. One that has left the table is known by its exits alone.
UP, SILENT, ENDED, GONE = "up", "silent", "ended", "gone"
#: A connected process says something every two seconds at least.
SILENT_SECONDS = 4.0


class Member(Protocol):
    """What a plugin needs to know of each of its processes."""

    id: str
    connected: bool
    started: float
    last_seen: float
    memory_bytes: int | None
    memory_scope: str
    info: ProcessInfo


class PluginRow(Struct, array_like=True):
    """A plugin in the state file."""

    identity: IdentityLabels
    info: ProcessInfo
    series: list[AnyTotals]
    cpu: list[float]
    exits: dict[str, int]
    started: float
    last_seen: float
    left_at: float | None
    pending: str = ""
    shown_at: float = 0.0
    status: str = ""


class Plugin:
    """The merged state of one identity.

    ``series`` only ever grow while the plugin is known. ``processes`` are the connected ones
    and those within their holding time. ``encoded`` is its row of the state file,
    None when it changed.
    """

    def __init__(
        self, identity: IdentityLabels, info: ProcessInfo, *, at: float, started: float
    ) -> None:
        self.identity = identity
        self.info = info
        self.series: dict[Key, Series] = {}
        self.stamps: dict[tuple[str, Labels], Stamp] = {}
        self.processes: dict[str, Member] = {}
        self.cpu = ExactSum()
        self.exits = exits.none()
        #: How the latest process that counts ended; "" while none has.
        self.status = ""
        #: Unix time at which the oldest of the living processes began, by its own clock.
        self.started = started
        #: Monotonic time of the latest message.
        self.last_seen = at
        #: Monotonic time since which no process is connected; None while one is.
        self.left_at: float | None = at
        self.encoded: Raw | None = None
        #: The app_id whose labels are not known yet: ``identity`` is provisional. Else "".
        self.pending = ""
        #: Monotonic time from which it is shown even so.
        self.shown_at = at
        #: Set when the table drops it: its processes then start anew if they come back.
        self.gone = False

    def add(self, totals: AnyTotals) -> Series:
        """Make the series that counts in ``totals``, empty or as the state file had it."""
        name, labels = totals.name, totals.labels
        # The update time of what no author made is not shown, so no name shares it.
        series = totals.series(
            self.stamp(name, labels) if totals.is_authored else Stamp(name, labels)
        )
        self.series[Key(totals.kind, name, labels)] = series
        return series

    def withdraw(self, key: Key) -> None:
        """Take back a series whose very first cell was refused."""
        del self.series[key]
        stamp = self.stamps.get((key.name, key.labels))
        if stamp is not None and stamp.at == NEVER:
            del self.stamps[key.name, key.labels]

    def stamp(self, name: str, labels: Labels) -> Stamp:
        """Return the update time of a name, new or known."""
        return self.stamps.setdefault((name, labels), Stamp(name, labels))

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
        self.encoded = None

    def exit(self, status: str) -> None:
        """Count the end of a process; ``status`` is one of :data:`exits.STATUSES`."""
        self.exits[status] += 1
        self.status = status
        self.encoded = None

    def cpu_seconds(self) -> float | None:
        """Return the CPU time of all processes that ever were, or None if none of them told."""
        return self.cpu.value() or None  # a process has none only before it runs

    def memory_bytes(self) -> int | None:
        """Return the memory of all that lives, or None while nobody reports it.

        Every process of a container reports the whole container's, so the newest report per
        container (app_id) counts once; processes outside containers add up.
        """
        containers: dict[str, tuple[float, int]] = {}
        processes: list[int] = []
        for process in self.connected():
            memory = process.memory_bytes
            if memory is None:
                continue
            if process.memory_scope == "process":
                processes.append(memory)
                continue
            app_id = process.info.app_id
            newest = containers.get(app_id)
            if newest is None or process.last_seen >= newest[0]:
                containers[app_id] = (process.last_seen, memory)
        if not containers and not processes:
            return None
        return sum(processes) + sum(memory for _, memory in containers.values())

    def row(self) -> PluginRow:
        """Return what the state file keeps."""
        return PluginRow(
            self.identity,
            self.info,
            [series.totals for series in self.series.values()],
            self.cpu.parts,
            self.exits,
            self.started,
            self.last_seen,
            self.left_at,
            self.pending,
            self.shown_at,
            self.status,
        )

    @classmethod
    def from_row(cls, row: PluginRow, *, shift: float) -> Plugin:
        """Restore a plugin without its processes; ``shift`` is added to monotonic times."""
        plugin = cls(row.identity, row.info, at=row.last_seen + shift, started=row.started)
        for totals in row.series:
            totals.shift(shift)
            plugin.add(totals)
        plugin.cpu = ExactSum(row.cpu)
        plugin.exits, plugin.status = exits.restored(row.exits), row.status
        plugin.left_at = None if row.left_at is None else row.left_at + shift
        plugin.pending, plugin.shown_at = row.pending, row.shown_at + shift
        return plugin
