"""All that is known of one plugin: one identity, any number of processes, dead or alive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Raw, Struct

from waggle_live.wire.protocol import Labels

from ..identity.labels import IdentityLabels, ProcessInfo
from .exact_sum import ExactSum
from .series import (
    NEVER,
    CounterSeries,
    CountSeries,
    GaugeSeries,
    RateSeries,
    Series,
    Stamp,
    TimerSeries,
)
from .tau_series import FunctionSeries, TauSeries
from .totals import (
    CounterTotals,
    CountTotals,
    FunctionTotals,
    GaugeTotals,
    RateTotals,
    TauTotals,
    TimerTotals,
    Totals,
    shift_times,
)

if TYPE_CHECKING:
    from ..exposition.plugin_lines import PluginLines
    from .process import Process


class Key(NamedTuple):
    """What a series is found by within its plugin."""

    kind: str
    name: str
    labels: Labels


class PluginRow(Struct, array_like=True):
    """A plugin in the state file."""

    identity: IdentityLabels
    claim: ProcessInfo
    series: list[Totals]
    cpu: list[float]
    exits: dict[str, int]
    started: float
    last_seen: float
    left_at: float | None
    pending: str = ""
    shown_at: float = 0.0


class Plugin:
    """The merged state of one identity.

    ``series`` only ever grow while the plugin is known. ``processes`` are the connected ones
    and those within their holding time. ``encoded`` is its row of the state file,
    None when it changed.
    """

    def __init__(
        self, identity: IdentityLabels, claim: ProcessInfo, *, at: float, started: float
    ) -> None:
        self.identity = identity
        self.claim = claim
        self.series: dict[Key, Series] = {}
        self.stamps: dict[tuple[str, Labels], Stamp] = {}
        self.processes: dict[str, Process] = {}
        self.cpu = ExactSum()
        self.exits: dict[str, int] = {}
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
        #: Belongs to the exposition.
        self.lines: PluginLines | None = None

    def add(self, key: Key, totals: Totals | None = None) -> Series:
        """Make the series of ``key``, empty or as the state file had it."""
        kind, name, labels = key
        series: Series
        if kind == "timer":
            assert totals is None or isinstance(totals, TimerTotals)
            series = TimerSeries(totals or TimerTotals(name, labels), self._stamp(key, totals))
        elif kind == "rate":
            assert totals is None or isinstance(totals, RateTotals)
            series = RateSeries(totals or RateTotals(name, labels), self._stamp(key, totals))
        elif kind == "gauge":
            assert totals is None or isinstance(totals, GaugeTotals)
            series = GaugeSeries(totals or GaugeTotals(name, labels), self._stamp(key, totals))
        elif kind == "counter":
            assert totals is None or isinstance(totals, CounterTotals)
            series = CounterSeries(totals or CounterTotals(name, labels), self._stamp(key, totals))
        elif kind == "function":
            assert totals is None or isinstance(totals, FunctionTotals)
            series = FunctionSeries(totals or FunctionTotals(name, labels), Stamp(name, labels))
        elif kind == "tau":
            assert totals is None or isinstance(totals, TauTotals)
            series = TauSeries(totals or TauTotals(name, labels), Stamp(name, labels))
        else:
            assert totals is None or isinstance(totals, CountTotals)
            # No author's series: it has no line in the family of update times.
            series = CountSeries(totals or CountTotals(kind, name, labels), Stamp(name, labels))
        self.series[key] = series
        return series

    def rename(self, identity: IdentityLabels) -> None:
        """Take another identity, for good; all lines are rendered anew."""
        self.identity, self.pending = identity, ""
        self.lines = self.encoded = None
        for series in self.series.values():
            series.lines = None
            series.changed = True
        for stamp in self.stamps.values():
            stamp.line = None

    def withdraw(self, key: Key) -> None:
        """Take back a series whose very first cell was refused."""
        del self.series[key]
        stamp = self.stamps.get((key.name, key.labels))
        if stamp is not None and stamp.at == NEVER:
            del self.stamps[key.name, key.labels]

    def _stamp(self, key: Key, totals: Totals | None) -> Stamp:
        stamp = self.stamps.setdefault((key.name, key.labels), Stamp(key.name, key.labels))
        if totals is not None and totals.updated:
            stamp.at = max(stamp.at, totals.updated)
        return stamp

    def connected(self) -> Iterator[Process]:
        """Yield the processes whose process is connected now."""
        return (process for process in self.processes.values() if process.connected)

    @property
    def up(self) -> bool:
        """Is any process of it connected?"""
        return self.left_at is None

    def attend(self, at: float) -> None:
        """Look again who is connected, after one came or left."""
        started = [process.started for process in self.connected()]
        if started:
            self.started, self.left_at = min(started), None
        elif self.left_at is None:
            self.left_at = at
        self.encoded = None

    def exit(self, status: str) -> None:
        """Count the end of a process."""
        self.exits[status] = self.exits.get(status, 0) + 1
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
            app_id = process.claim.app_id
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
            self.claim,
            [series.totals for series in self.series.values()],
            self.cpu.parts,
            self.exits,
            self.started,
            self.last_seen,
            self.left_at,
            self.pending,
            self.shown_at,
        )

    @classmethod
    def from_row(cls, row: PluginRow, *, shift: float) -> Plugin:
        """Restore a plugin without its processes; ``shift`` is added to monotonic times."""
        plugin = cls(row.identity, row.claim, at=row.last_seen + shift, started=row.started)
        for totals in row.series:
            shift_times(totals, shift)
            kind = totals.kind if isinstance(totals, CountTotals) else _kind(totals)
            plugin.add(Key(kind, totals.name, totals.labels), totals)
        plugin.cpu = ExactSum(row.cpu)
        plugin.exits = row.exits
        plugin.left_at = None if row.left_at is None else row.left_at + shift
        plugin.pending, plugin.shown_at = row.pending, row.shown_at + shift
        return plugin


def _kind(totals: Totals) -> str:
    return str(type(totals).__struct_config__.tag)
