"""One process of one plugin: what it last reported, and how its next report is counted."""

from __future__ import annotations

from typing import Any

from msgspec import Raw, Struct

from waggle_live.wire.errors import InvalidMetric, InvalidType, ProtocolError
from waggle_live.wire.protocol import (
    OTHER_FUNCTIONS,
    OVERFLOW,
    PROBLEMS,
    Labels,
    check_function,
    check_labels,
    check_name,
)

from .. import messages
from ..identity.labels import IdentityLabels, ProcessInfo
from ..messages import Cell, ProcessStats, Refusal, Update
from .held import (
    Held,
    HeldCount,
    HeldCounter,
    HeldFunction,
    HeldGauge,
    HeldRate,
    HeldTau,
    HeldTimer,
)
from .plugin import Key, Plugin
from .recent import WINDOW
from .series import Arrival, GaugeSeries, Series
from .table import Table

#: What goes wrong with a sender's clock must not become a span of centuries.
MAX_GAP = 1e6

_KINDS: dict[type, str] = {
    messages.TimerCell: "timer",
    messages.RateCell: "rate",
    messages.GaugeCell: "gauge",
    messages.CounterCell: "counter",
    messages.MessagesCell: "messages",
    messages.UploadsCell: "uploads",
    messages.ProblemCell: "problem",
    messages.FunctionCell: "function",
    messages.TauCell: "tau",
}
_HELD: dict[str, Any] = {
    "timer": HeldTimer,
    "rate": HeldRate,
    "gauge": HeldGauge,
    "counter": HeldCounter,
    "function": HeldFunction,
    "tau": HeldTau,
}


class ProcessRow(Struct, array_like=True):
    """A process in the state file."""

    id: str
    key_hash: bytes
    identity: IdentityLabels
    claim: ProcessInfo
    started: float
    began: float | None
    number: int
    monotonic: float | None
    connected: bool
    lost: bool
    left_at: float
    cpu: float
    memory_bytes: int | None
    memory_scope: str
    cells: list[Held]


class Process:
    """The state of one process as it was last applied.

    ``number`` and ``monotonic`` are those of the latest update. Lines from a connection that
    another one has taken over never get here. ``cells`` map to (held, merged series).
    """

    def __init__(
        self,
        process_id: str,
        key_hash: bytes,
        *,
        plugin: Plugin,
        claim: ProcessInfo,
        started: float,
        began: float | None,
    ) -> None:
        self.id = process_id
        self.key_hash = key_hash
        self.plugin = plugin
        self.claim = claim
        self.started = started
        #: The sender's monotonic clock at its start, where it told.
        self.began = began
        self.number = 0
        self.monotonic: float | None = None
        self._baseline: float | None = None
        self.connected = False
        #: Folded after its holding time: kept only to be recognised.
        self.lost = False
        #: Monotonic time of the end of its last connection.
        self.left_at = 0.0
        self.last_seen = plugin.last_seen
        self.cpu = 0.0
        self.memory_bytes: int | None = None
        self.memory_scope = "process"
        self.cells: dict[Any, tuple[Held, Series]] = {}
        #: Cells that don't count against the limit of series.
        self._unlimited = 0
        #: Its row of the state file; None when it changed.
        self.encoded: Raw | None = None

    def apply(
        self, update: Update, at: float, *, table: Table, max_series: int
    ) -> list[Refusal] | None:
        """Count an update that arrived at ``at``; return what had to be refused.

        None means that the update is an old one and was ignored.
        """
        self.last_seen = self.plugin.last_seen = at
        if update.number <= self.number:
            return None
        moment = Arrival(at, self._gap(update), self.id)
        refusals: list[Refusal] = []
        cells = self.cells
        for cell in update.cells:
            labels = cell.labels
            key: tuple[Any, ...] = (type(cell), cell.name)
            if labels:
                key += tuple(sorted(labels.items()))
            try:
                entry = cells.get(key)
                if entry is None:
                    cells[key] = self._open(cell, moment, table, max_series)
                else:
                    entry[1].take(entry[0], cell, moment)  # type: ignore[arg-type]
            except ProtocolError as error:
                refused = messages.excerpt(f"{key[0].__struct_config__.tag} {cell.name}")
                refusals.append(Refusal(error.code, str(error), refused))
        if update.process is not None:
            self._process(update.process)
        self.number = update.number
        self.monotonic = update.monotonic
        self.encoded = self.plugin.encoded = None
        table.version += 1
        return refusals

    def attach(self, *, connected: bool, at: float) -> None:
        """The session's process came (or came back), or went."""
        self.connected = connected
        if not connected:
            self.left_at = at
        for held, series in self.cells.values():
            if isinstance(series, GaugeSeries) and isinstance(held, HeldGauge):
                if connected:
                    series.attach(self.id, held)
                else:
                    series.detach(self.id)
        self.plugin.attend(at)
        self.encoded = None

    def _gap(self, update: Update) -> float | None:
        """Return in how many seconds the update's differences came about; None if unknown."""
        if self._baseline is not None and update.monotonic <= self._baseline:
            return None  # the rest of a first state that took several lines
        if self.monotonic is None:
            since = self.began if self.began is not None else update.since
            if since is not None and 0 <= update.monotonic - since < WINDOW:
                return update.monotonic - since
            self._baseline = update.monotonic
            return None
        # After a lost update the sender's "since" is too late: it sent what never arrived.
        since = self.monotonic
        if update.since is not None and update.number == self.number + 1:
            since = max(update.since, self.monotonic)
        return min(max(update.monotonic - since, 0.0), MAX_GAP)

    def _open(
        self, cell: Cell, moment: Arrival, table: Table, max_series: int
    ) -> tuple[Held, Series]:
        """Check and count a cell that is new to the process."""
        kind = _KINDS[type(cell)]
        try:
            name, labels = _check(kind, cell)
        except (InvalidMetric, InvalidType) as error:
            raise ProtocolError("bad_cell", str(error)) from None
        limited = not _is_bounded_by_kind(kind, name, labels)
        if limited and len(self.cells) - self._unlimited >= max_series:
            raise ProtocolError("series_limit", f"at most {max_series} series a session")
        make = _HELD.get(kind)
        held: Held = make(name, labels) if make is not None else HeldCount(kind, name, labels)
        # Prometheus takes an empty label for no label: both must be one series.
        key = Key(kind, name, tuple(pair for pair in labels if pair[1]))
        series = table.series_of(self.plugin, key)
        try:
            series.take(held, cell, moment)  # type: ignore[arg-type]
        except ProtocolError:
            if not series.totals.updated:
                table.withdraw(self.plugin, key)
            raise
        table.cells += 1
        self._unlimited += not limited
        return held, series

    def _process(self, stats: ProcessStats) -> None:
        if stats.cpu_seconds is not None and stats.cpu_seconds > self.cpu:
            self.plugin.cpu.change(self.cpu, stats.cpu_seconds)
            self.cpu = stats.cpu_seconds
        if stats.memory_bytes is not None:
            self.memory_bytes = stats.memory_bytes
            self.memory_scope = stats.memory_scope

    def row(self) -> ProcessRow:
        """Return what the state file keeps."""
        return ProcessRow(
            self.id,
            self.key_hash,
            self.plugin.identity,
            self.claim,
            self.started,
            self.began,
            self.number,
            self.monotonic,
            self.connected,
            self.lost,
            self.left_at,
            self.cpu,
            self.memory_bytes,
            self.memory_scope,
            [held for held, _ in self.cells.values()],
        )

    @classmethod
    def from_row(cls, row: ProcessRow, plugin: Plugin, *, shift: float) -> Process:
        """Restore a process of a restored plugin; it is not connected yet."""
        process = cls(
            row.id,
            row.key_hash,
            plugin=plugin,
            claim=row.claim,
            started=row.started,
            began=row.began,
        )
        process.number, process.monotonic = row.number, row.monotonic
        process.lost, process.left_at = row.lost, row.left_at + shift
        process.cpu = row.cpu
        process.memory_bytes, process.memory_scope = row.memory_bytes, row.memory_scope
        for held in row.cells:
            kind = held.kind if isinstance(held, HeldCount) else held.__struct_config__.tag
            cell = next(cell for cell, name in _KINDS.items() if name == kind)
            shown = tuple(pair for pair in held.labels if pair[1])
            series = plugin.series[Key(str(kind), held.name, shown)]
            process.cells[(cell, held.name, *held.labels)] = held, series
            process._unlimited += _is_bounded_by_kind(str(kind), held.name, held.labels)
            if isinstance(held, HeldGauge) and isinstance(series, GaugeSeries):
                held.at += shift
                series.attach(row.id, held)
                series.detach(row.id)
        return process


def _check(kind: str, cell: Cell) -> tuple[str, Labels]:
    """Return name and sorted labels if they keep the rules of the protocol."""
    if kind in ("timer", "rate", "gauge", "counter"):
        name = cell.name if cell.name == OVERFLOW else check_name(cell.name)
        return name, check_labels(cell.labels or {})
    if cell.labels:
        raise InvalidMetric(f"cells of kind {kind} have no labels")
    if kind == "problem" and cell.name not in PROBLEMS:
        raise InvalidMetric(f"a problem is one of {', '.join(PROBLEMS)}")
    if kind in ("uploads", "tau") and cell.name:
        raise InvalidMetric(f"{kind} cells have no name")
    if kind == "function":
        check_function(cell.name)
    if kind == "messages" and cell.name != OVERFLOW:
        check_name(cell.name)
    return cell.name, ()


def _is_bounded_by_kind(kind: str, name: str, labels: Labels) -> bool:
    """Tell whether there can be only a few such cells, which come on top of a client's limit.

    A client at its limit must still be able to say so, and to send what is over it.
    """
    if kind == "function":
        return name == OTHER_FUNCTIONS
    return kind in ("uploads", "problem", "tau") or (name == OVERFLOW and not labels)
