"""One process of a plugin: what it reported last, and how its next report is counted."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any

from msgspec import Meta, Struct, json

from waggle_live.wire.errors import ProtocolError

from ..budget import UNKNOWN, Account
from ..clock import Seconds
from ..identity.labels import IdentityLabels, ProcessInfo
from ..identity.peer import Handle, Peer
from ..messages import (
    MAX_REFUSALS,
    MAX_WHOLE,
    SKIPPED,
    MemoryScope,
    ProcessStats,
    Refusal,
    Total,
    Update,
    Whole,
    excerpt,
)
from . import costs, exact_sum
from .kinds import AnyApplied, Cell
from .plugin import Plugin
from .recent import WINDOW
from .series import NO_ROOM, Arrival, Series, no_room
from .table import Table

#: The SHA-256 of the secret key by which a client proves that a session is its own.
KeyHash = Annotated[bytes, Meta(min_length=32, max_length=32)]
#: The longest gap in seconds that is believed, in case a sender's clock is wrong.
MAX_GAP = 1e6
#: The most nanoseconds of CPU time that are counted between two reports.
MAX_CPU = 2.0**62


class Process(Struct, array_like=True, dict=True, eq=False):
    """The state of one process as it was last applied. Its fields are a row of the state file.

    ``number`` and ``monotonic`` are those of the latest update. ``cells`` has the row last applied
    of each series. A connection that another one has taken over no longer applies anything. Belongs
    to the event loop.
    """

    id: str
    key_hash: KeyHash
    identity: IdentityLabels
    info: ProcessInfo
    started: float
    #: The sender's monotonic clock at its start; None if it didn't tell.
    began: float | None
    number: Whole = 0
    monotonic: float | None = None
    connected: bool = False
    #: Its holding time is over. It is kept only to recognise it if it returns.
    expired: bool = False
    #: Monotonic time at which its last connection ended.
    left_at: Seconds = 0.0
    cpu: Total = 0.0
    memory_bytes: Whole | None = None
    memory_scope: MemoryScope = "process"
    cells: list[AnyApplied] = []
    #: The pid of its parent, as it reported it; 0 if it didn't.
    parent: int = 0
    #: Whether its parent is a process of the same plugin. Then its end isn't counted.
    is_child: bool = False
    #: Who pays for it, see ``budget.py``.
    principal: str = UNKNOWN
    #: Whether it has expired and lost its rows for lack of room. It must not return, since it would
    #: be counted twice.
    forgotten: bool = False

    def __post_init__(self) -> None:
        self.plugin: Plugin
        self.account: Account
        self.last_seen: float
        #: Closes its connection; None while it is not connected.
        self.close: Callable[[], None] | None = None
        #: Tells whether it has ended; None if the kernel doesn't know which process it is.
        self.handle: Handle | None = None
        #: What the kernel told about it at its last connect. Empty if it hasn't connected since the
        #: collector's start.
        self.peer = Peer()
        #: Each of the cells with the merged series that it counts in.
        self.rows: dict[Any, tuple[AnyApplied, Series]] = {}
        #: Whether it has expired because the kernel said that it ended.
        self.has_ended = False
        #: Whether a new series was refused for lack of room. Then this connection gets no other new
        #: series, so that the client knows which ones the collector doesn't hold.
        self.is_full = False
        #: Rows that don't count against the limit of series.
        self._unlimited = 0
        self._baseline: float | None = None
        #: Monotonic time of its last report of CPU time; None if unknown.
        self._used_at: float | None = None

    def join(self, plugin: Plugin) -> None:
        """Join a plugin, and connect the cells of a state file to its series.

        Raises KeyError if a series is missing.
        """
        self.plugin, self.last_seen = plugin, plugin.last_seen
        for applied in self.cells:
            series = plugin.series[applied.key]
            self.rows[(applied.kind, applied.name, *applied.labels)] = applied, series
            self._unlimited += applied.is_bounded
            series.attach(self.id, applied)
            series.detach(self.id)

    def apply(
        self,
        update: Update[Cell],
        refusals: list[Refusal],
        at: float,
        *,
        table: Table,
        max_series: int,
    ) -> int | None:
        """Count an update that arrived at the monotonic time ``at``. Return its number of cells.

        Return None, and ignore it, if it is older than the latest one. What is refused is added to
        ``refusals``. Decoding the cells of the update may add to these too.
        """
        self.last_seen = self.plugin.last_seen = at
        if update.number <= self.number:
            return None
        gap = self._gap(update)
        if self.monotonic is None and gap is not None:
            self._used_at = at - gap  # a new process had used nothing
        arrival = Arrival(at, gap, self.id, partial(self._grow, table))
        rows, cells, bad = self.rows, 0, 0
        for cells, cell in enumerate(update.cells, 1):  # noqa: B007
            labels = cell.labels
            key: tuple[Any, ...] = (cell.kind, cell.name)
            if labels:
                key += tuple(sorted(labels.items()))
            try:
                row = rows.get(key)
                if row is None:
                    rows[key] = self._open(cell, arrival, table, max_series)
                else:
                    row[1].take(row[0], cell, arrival)
            except ProtocolError as error:
                if error.code == NO_ROOM:  # not the client's mistake: later cells still count
                    self.is_full = True
                    if len(refusals) >= MAX_REFUSALS:
                        continue
                else:
                    bad += 1
                refusals.append(Refusal(error.code, str(error), _refused(cell, error)))
                if bad >= MAX_REFUSALS:
                    refusals.append(Refusal(error.code, SKIPPED))
                    break
        if update.process is not None:
            self.use(update.process, at)
        self.number = update.number
        self.monotonic = update.monotonic
        table.version += 1
        return cells

    def watch(self, handle: Handle | None) -> None:
        """Ask ``handle`` from now on whether the process has ended; None if nothing can tell."""
        if self.handle is not None and self.handle is not handle:
            self.handle.close()
        self.handle = handle

    def attach(self, *, connected: bool, at: float) -> None:
        """Note that the process connected or disconnected, at the monotonic time ``at``."""
        self.connected = connected
        if not connected:
            self.left_at = at
        for applied, series in self.rows.values():
            if connected:
                series.attach(self.id, applied)
            else:
                series.detach(self.id)
        self.plugin.attend(at)

    def has_parent(self) -> bool:
        """Tell whether the parent of this process is a known process of the same plugin and pod."""
        return self.parent > 0 and any(
            other.info.pid == self.parent and other.info.app_id == self.info.app_id
            for other in self.plugin.processes.values()
        )

    def _gap(self, update: Update[Cell]) -> float | None:
        """Return the seconds in which the update's differences accrued; None if unknown."""
        if self._baseline is not None and update.monotonic <= self._baseline:
            return None  # one more line of a first state
        if self.monotonic is None:
            since = self.began if self.began is not None else update.since
            if since is not None and 0 <= update.monotonic - since < WINDOW:
                return update.monotonic - since
            self._baseline = update.monotonic
            return None
        # After a lost update the sender's `since` is too late: the time before it counts too.
        since = self.monotonic
        if update.since is not None and update.number == self.number + 1:
            since = max(update.since, self.monotonic)
        return min(max(update.monotonic - since, 0.0), MAX_GAP)

    def _open(
        self, cell: Cell, arrival: Arrival, table: Table, max_series: int
    ) -> tuple[AnyApplied, Series]:
        """Check and count the first cell of a series of this process. Raises ProtocolError."""
        applied = cell.first()
        if not applied.is_bounded and len(self.rows) - self._unlimited >= max_series:
            raise ProtocolError("series_limit", f"a process may have at most {max_series} series")
        if self.is_full and not applied.is_bounded:
            raise no_room()
        series = self.plugin.series.get(applied.key)
        is_new = series is None
        words = costs.words(applied)
        row, merged = costs.row(applied, words), 0
        if series is None:
            series = self.plugin.make(applied.totals())
            merged = costs.merged(series.totals, words, costs.text(self.identity))
        table.hold(self, row, merged, room=applied.is_bounded)
        try:
            series.take(applied, cell, arrival)
        except ProtocolError:
            table.hold(self, -row, -merged)
            raise
        if is_new:
            table.add(self, series)
        table.cells += 1
        self.cells.append(applied)
        self._unlimited += applied.is_bounded
        return applied, series

    def _grow(
        self, table: Table, series: Series, applied: Any, count: int, new: Mapping[int, int]
    ) -> None:
        """Hold the bytes of buckets that are ``new`` to a row.

        Raises ProtocolError if there is no room. Its code is ``bucket_limit``, or ``budget`` if
        nothing of the series is counted yet: then the client folds the series into the overflow.
        """
        totals = series.totals
        more = count - applied.count
        row = costs.span(applied.buckets, count, new) - costs.span(applied.buckets, applied.count)
        merged = costs.span(totals.buckets, totals.count + more, new)
        merged -= costs.span(totals.buckets, totals.count)
        try:
            sizes = row * costs.ROW_BUCKET, merged * costs.MERGED_BUCKET
            table.hold(self, *sizes, room=applied.is_bounded)
        except ProtocolError:
            if applied.count:
                text = "the collector has no room for its buckets"
                raise ProtocolError("bucket_limit", text) from None
            raise
        if merged:
            table.hold_window(self, series, merged * costs.WINDOW_BUCKET)

    def use(self, stats: ProcessStats, at: float) -> None:
        """Take in what the process reports of its CPU time and memory, at the monotonic ``at``."""
        if stats.cpu_seconds is not None and stats.cpu_seconds >= self.cpu:
            used = stats.cpu_seconds - self.cpu
            gap = None if self._used_at is None else at - self._used_at
            if gap is not None:
                # The first report includes the time before the session, such as for imports. On one
                # core that took at least as long as the CPU time.
                gap = min(max(gap, 0.0 if self.cpu else used), MAX_GAP)
            recent = self.plugin.recent_cpu
            room = max(MAX_WHOLE - recent.count, 0)
            recent.add(at, gap, min(round(min(1e9 * used, MAX_CPU)), room))
            exact_sum.change(self.plugin.cpu, self.cpu, stats.cpu_seconds)
            self.cpu, self._used_at = stats.cpu_seconds, at
        if stats.memory_bytes is not None:
            self.memory_bytes = stats.memory_bytes
            self.memory_scope = stats.memory_scope


def _refused(cell: Cell, error: ProtocolError) -> str:
    """Return the name of a refused cell, or its whole key if the client is to fold the series."""
    if error.code != NO_ROOM:
        return excerpt(f"{cell.kind} {cell.name}")
    key = {"kind": cell.kind, "name": cell.name, "labels": cell.labels or {}}
    return json.encode(key).decode()
