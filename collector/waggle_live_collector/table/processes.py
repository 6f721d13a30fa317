"""The known processes: who may take over whom, how long one is kept, what is remembered.

A process is *connected*, *disconnected* (its connection ended without ``bye``), *expired* (its
holding time is over: folded, kept as a tombstone with its rows so that one that returns is counted
once), or *closed* (it said ``bye``: only its id and key stay, so that a repeated ``bye`` is
answered). Tombstones are bounded; one that had to go and still returns is counted anew.
Belongs to the event loop; not thread-safe.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest

from msgspec.structs import replace

from waggle_live.wire.errors import ProtocolError
from waggle_live.wire.protocol import check_session_id

from ..clock import Clock
from ..identity.app_meta import AppMeta
from ..identity.labels import Identify, IdentityLabels, Naming
from ..identity.peer import Peer
from ..messages import Bye, Hello, Refusal, Update
from . import exits
from .kinds import Cell
from .merge import merge
from .plugin import Plugin
from .process import Process
from .table import Table
from .tombstones import Tombstones


@dataclass(eq=False, kw_only=True)
class Processes:
    """Opens, takes over, applies, ends and forgets processes."""

    table: Table
    identify: Identify
    clock: Clock

    def __post_init__(self) -> None:
        self.by_id: dict[str, Process] = {}
        self.tombstones = Tombstones()
        #: Processes that the state file held as connected and that are not back yet.
        self.awaited: set[str] = set()
        #: Disconnected processes that were folded before their time, for lack of room.
        self.folded_early = 0
        self._high_water = self.table.limits.series - self.table.limits.series_per_process

    def open(
        self, hello: Hello, close: Callable[[], None], peer: Peer
    ) -> tuple[Process | None, bool]:
        """Return the process of a ``hello`` and whether it was known.

        ``close`` closes its connection once another one has taken the process over. None stands
        for a process that has closed. Raises ProtocolError (``session_taken``, ``session_limit``,
        ``bad_message``, ``identity``, ``token``); nothing has changed then.
        """
        naming = self.identify(hello, peer)
        process_id = naming.process_id(check_session_id(hello.session))
        key_hash = sha256(check_session_id(hello.key).encode()).digest()
        closed = self.tombstones.closed.get(process_id)
        known = self.by_id.get(process_id) or self.tombstones.expired.get(process_id)
        holder = closed or known
        if holder is not None and not compare_digest(holder.key_hash, key_hash):
            raise ProtocolError("session_taken", "this process is known, and with another key")
        if closed is not None:
            return None, True
        at = self.clock.monotonic()
        if known is not None and not known.plugin.gone and not _is_another(known, naming):
            self._connect(known, close, peer, at)
            return known, True
        if known is not None:
            self._part(known, at)
        # Its id and labels are its own: nobody else is proven to be it.
        self._fold_unproven(hello.session, key_hash, naming)
        naming = naming._replace(identity=self._place(naming.identity, naming.info.verified))
        process = self._new(replace(hello, session=process_id), naming, key_hash, at)
        self._connect(process, close, peer, at)
        return process, False

    def apply(self, process: Process, update: Update[Cell]) -> list[Refusal] | None:
        """Count an update; None if it is an old one."""
        if self.table.cells > self._high_water:
            # A neighbour's dead processes must not take the room of the living.
            self._expire_oldest()
        refusals = process.apply(
            update,
            self.clock.monotonic(),
            table=self.table,
            max_series=self.table.limits.series_per_process,
        )
        self.awaited.discard(process.id)
        return refusals

    def seen(self, process: Process) -> None:
        """A message that changes nothing else arrived."""
        process.last_seen = process.plugin.last_seen = self.clock.monotonic()
        process.plugin.encoded = None
        self.table.version += 1
        self.awaited.discard(process.id)

    def end(self, process: Process, bye: Bye) -> None:
        """The process said ``bye``: what it counted stays in the totals."""
        at = self.clock.monotonic()
        if bye.process is not None:
            process.use(bye.process, at)
        process.attach(connected=False, at=at)
        process.plugin.last_seen = at
        self._exit(process, bye.status)
        self._forget(process)
        self.tombstones.close(process, at)
        self.table.version += 1

    def leave(self, process: Process, close: Callable[[], None]) -> None:
        """The connection ended without ``bye``: keep the process, if it is still its own."""
        if process.close == close:
            process.close = None
            process.attach(connected=False, at=self.clock.monotonic())
            self.table.version += 1

    def settle(self, app_id: str, meta: AppMeta) -> None:
        """The stack told who ``app_id`` is: all that is pending for it moves there."""
        pending = [p for p in self.table.plugins.values() if p.pending == app_id]
        for plugin in pending:
            for process in self._of(plugin):
                process.info = meta.complete(process.info)
            plugin.info, plugin.pending = meta.complete(plugin.info), ""
            self._move(plugin, self._place(meta.identity, plugin.info.verified))

    def sweep(self) -> None:
        """Fold and forget what is over its time; call about once a second."""
        now = self.clock.monotonic()
        for process in self._disconnected():
            if process.plugin.gone:
                self._forget(process)
            elif process.handle is not None:
                if process.handle.has_ended():
                    self._expire(process)
            elif now - process.left_at >= self.table.hold_time:
                self._expire(process)
        self.tombstones.sweep(now)
        self.table.expire(now)

    def restore(self, process: Process) -> None:
        """Take a process from the state file; one that was connected is awaited."""
        if process.connected:
            process.connected, process.left_at = False, self.clock.monotonic()
            self.awaited.add(process.id)
        if process.expired:
            self.tombstones.expired[process.id] = process
        else:
            self.by_id[process.id] = process
            process.plugin.processes[process.id] = process
            self.table.cells += len(process.rows)

    def all(self) -> Iterator[Process]:
        """Yield every process that has rows: connected, disconnected and expired ones."""
        yield from self.by_id.values()
        yield from self.tombstones.expired.values()

    @property
    def connected(self) -> int:
        """How many processes are connected."""
        return sum(process.connected for process in self.by_id.values())

    def _place(self, identity: IdentityLabels, verified: bool) -> IdentityLabels:
        """Return the labels for a process; no proven plugin shares them with an unproven one.

        Where both exist, or existed a moment ago, the unproven one has labels of its own.
        """
        apart = identity.apart()
        table = self.table
        if not verified:
            is_apart = table.has(apart, verified=False) or table.has(identity, verified=True)
            return apart if is_apart else identity
        plugin = table.plugins.get(identity)
        if plugin is not None and not plugin.info.verified:
            self._move(plugin, apart)
        elif table.has(identity, verified=False):
            table.gone.move(identity, apart)
        return identity

    def _move(self, plugin: Plugin, identity: IdentityLabels) -> None:
        """Give a plugin another identity; if it is known already, the two become one."""
        processes = self._of(plugin)
        for process in processes:
            process.identity, process.encoded = identity, None
        known = self.table.settle(plugin, identity)
        if known is not plugin:
            at = self.clock.monotonic()
            self.table.series -= merge(known, plugin, processes, at)

    def _of(self, plugin: Plugin) -> list[Process]:
        return [process for process in self.all() if process.plugin is plugin]

    def _fold_unproven(self, session: str, key_hash: bytes, naming: Naming) -> None:
        """A process is proven now that was not: what it counted before is no end of it."""
        known = self.by_id.get(session) if naming.info.verified else None
        if known is not None and compare_digest(known.key_hash, key_hash):
            if known.close is not None:
                known.close()
            known.attach(connected=False, at=self.clock.monotonic())
            self._expire(known, counts=False)

    def _new(self, hello: Hello, naming: Naming, key_hash: bytes, at: float) -> Process:
        if len(self.by_id) >= self.table.limits.processes and not self._expire_oldest():
            raise ProtocolError("session_limit", "too many processes are connected")
        started = hello.start_time or self.clock.unix(at)
        process = Process(
            hello.session, key_hash, naming.identity, naming.info, started, hello.monotonic
        )
        process.parent = hello.parent or 0
        process.join(self.table.plugin(naming, at=at, started=started))
        process.is_child = _has_parent(process)
        return process

    def _connect(self, process: Process, close: Callable[[], None], peer: Peer, at: float) -> None:
        """Let a process speak by a connection, and no more by the one that it may have had."""
        old, process.close = process.close, close
        if old is not None:
            old()
        if process.id not in self.by_id:  # it is new, or had expired
            self.tombstones.expired.pop(process.id, None)
            process.expired = False
            self.table.cells += len(process.rows)
            self.by_id[process.id] = process.plugin.processes[process.id] = process
        process.watch(peer.handle)
        process.last_seen = process.plugin.last_seen = at
        process.attach(connected=True, at=at)
        self.table.version += 1

    def _expire_oldest(self) -> bool:
        """Fold the process that is disconnected longest before its time; False if there is none."""
        oldest = min(self._disconnected(), key=lambda process: process.left_at, default=None)
        if oldest is None:
            return False
        self._expire(oldest)
        self.folded_early += 1
        return True

    def _disconnected(self) -> list[Process]:
        return [process for process in self.by_id.values() if not process.connected]

    def _expire(self, process: Process, *, counts: bool = True) -> None:
        """Fold a process that vanished without a word: its rows stay, to recognise it."""
        del self.by_id[process.id]
        process.plugin.processes.pop(process.id, None)
        if counts:
            self._exit(process, exits.LOST)
        process.expired, process.encoded = True, None
        process.watch(None)
        self.awaited.discard(process.id)
        self.table.cells -= len(process.rows)
        self.tombstones.expire(process)
        self.table.version += 1

    def _exit(self, process: Process, status: str) -> None:
        """Count the end of a process, unless its parent is one of the same plugin."""
        if not process.is_child and not _has_parent(process):
            process.plugin.exit(status)

    def _part(self, process: Process, at: float) -> None:
        """Forget a known process that begins anew: under another name, or after its plugin left."""
        if process.close is not None:
            process.close()
        if not process.plugin.gone:
            process.attach(connected=False, at=at)
        self._forget(process)
        self.table.version += 1

    def _forget(self, process: Process) -> None:
        process.watch(None)
        if self.by_id.pop(process.id, None) is not None:
            self.table.cells -= len(process.rows)
        self.tombstones.expired.pop(process.id, None)
        process.plugin.processes.pop(process.id, None)
        process.close = None
        self.awaited.discard(process.id)


def _has_parent(process: Process) -> bool:
    """Tell whether the process that made this one is known, and of the same plugin and pod."""
    return process.parent > 0 and any(
        other.info.pid == process.parent and other.info.app_id == process.info.app_id
        for other in process.plugin.processes.values()
    )


def _is_another(known: Process, naming: Naming) -> bool:
    """Tell whether a process that returns was begun when the collector didn't ask the stack."""
    by_stack = known.info.resolved or known.plugin.pending
    return bool((naming.info.resolved or naming.pending) and not by_stack)
