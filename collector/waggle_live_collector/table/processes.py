"""The known processes: which connection speaks for one, how long one is kept, what stays of it.

A process is *connected*; *disconnected*, if its connection ended without ``bye``; *expired*, after
its holding time; or *closed*, after its ``bye``. An expired process keeps its rows as a tombstone,
so that it is counted once if it returns. If its rows are dropped for lack of room, it is refused if
it returns. A closed one keeps only its id and key, to answer a repeated ``bye``. Belongs to the
event loop; not thread-safe.
"""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from hmac import compare_digest

from msgspec.structs import replace

from waggle_live.wire.errors import ProtocolError
from waggle_live.wire.protocol import check_session_id

from ..budget import Account, What
from ..clock import Clock
from ..identity.app_meta import AppMeta
from ..identity.labels import Identify, IdentityLabels, Naming, ProcessInfo, id_of
from ..identity.peer import Peer
from ..messages import Bye, Hello, Refusal, Update
from . import costs, exits
from .kinds import Cell
from .merge import move_to
from .plugin import Plugin
from .process import Process
from .series import no_room
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
        self.tombstones = Tombstones(self.table.budget)
        #: Ids of processes that were connected in the state file and have not returned.
        self.awaited: set[str] = set()
        #: How many processes are connected.
        self.connected = 0

    def open(
        self, hello: Hello, close: Callable[[], None], peer: Peer
    ) -> tuple[Process | None, bool]:
        """Return the process of a ``hello``, and whether it was known.

        The process is None if it has closed. ``close`` is called when another connection takes the
        process over. Raises ProtocolError (``session_taken``, ``session_limit``, ``budget``,
        ``bad_message``, ``identity``, ``token``). Then nothing changes.
        """
        naming = self.identify(hello, peer)
        process_id = id_of(check_session_id(hello.session), naming.info)
        key_hash = sha256(check_session_id(hello.key).encode()).digest()
        closed = self.tombstones.closed.rows.get(process_id)
        known = self.by_id.get(process_id) or self.tombstones.expired.get(process_id)
        holder = closed or known
        if holder is not None and not compare_digest(holder.key_hash, key_hash):
            raise ProtocolError("session_taken", "this session is known with another key")
        if closed is not None or (known is not None and known.forgotten):
            return None, True
        at = self.clock.monotonic()
        if known is not None:
            if not known.plugin.gone and not _is_another(known, naming):
                self._connect(known, close, peer, at)
                return known, True
            self._part(known, at)
        self._fold_unproven(hello.session, key_hash, naming, at)
        naming = self.table.place(naming, self._move)
        process = self._new(replace(hello, session=process_id), naming, key_hash, peer, at)
        self._connect(process, close, peer, at)
        return process, False

    def apply(self, process: Process, update: Update[Cell], refusals: list[Refusal]) -> int | None:
        """Count an update, as :meth:`Process.apply` does."""
        cells = process.apply(
            update,
            refusals,
            self.clock.monotonic(),
            table=self.table,
            max_series=self.table.limits.series_per_process,
        )
        self.awaited.discard(process.id)
        return cells

    def seen(self, process: Process) -> None:
        """Note a message of the process that changes nothing else."""
        process.last_seen = process.plugin.last_seen = self.clock.monotonic()
        self.table.version += 1
        self.awaited.discard(process.id)

    def end(self, process: Process, bye: Bye) -> None:
        """Close a process that said ``bye``. What it counted stays in the totals."""
        at = self.clock.monotonic()
        if bye.process is not None:
            process.use(bye.process, at)
        self._attach(process, connected=False, at=at)
        process.plugin.last_seen = at
        self._exit(process, bye.status)
        self._forget(process)
        self.tombstones.close(process, at)
        self.table.version += 1

    def leave(self, process: Process, close: Callable[[], None]) -> None:
        """Note that a connection ended without ``bye``, unless another one has taken over."""
        if process.close == close:
            process.close = None
            self._attach(process, connected=False, at=self.clock.monotonic())
            self.table.version += 1

    def settle(self, app_id: str, meta: AppMeta) -> None:
        """Move all plugins that are pending for ``app_id`` to the labels that the stack has."""
        for plugin in [p for p in self.table.plugins.values() if p.pending == app_id]:
            for process in self.all():
                if process.plugin is plugin:
                    process.info = meta.complete(process.info)
            plugin.info, plugin.pending = meta.complete(plugin.info), ""
            naming = self.table.place(Naming(meta.identity, plugin.info), self._move)
            self._move(plugin, naming.identity)

    def sweep(self) -> None:
        """Expire and forget what is over its time. Call about once a second."""
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
        """Take in a process of the state file. If it was connected it is awaited now."""
        if process.connected:
            process.connected, process.left_at = False, self.clock.monotonic()
            self.awaited.add(process.id)
        process.account = self._account(process, process.principal, process.id)
        size = costs.process(process) + sum(
            costs.row(applied, costs.words(applied)) for applied in process.cells
        )
        if process.expired:
            self.tombstones.expired[process.id] = process
            process.account.take(What.SERIES if process.forgotten else What.ENDED, size)
        else:
            self.by_id[process.id] = process
            process.plugin.processes[process.id] = process
            process.account.take(What.SERIES, size)
            self.table.cells += len(process.rows)
            self.table.attend(process.plugin)

    def all(self) -> Iterator[Process]:
        """Yield every process that has rows: connected, disconnected and expired ones."""
        yield from self.by_id.values()
        yield from self.tombstones.expired.values()

    def _move(self, plugin: Plugin, identity: IdentityLabels) -> None:
        processes = [process for process in self.all() if process.plugin is plugin]
        move_to(self.table, plugin, processes, identity, self.clock.monotonic())

    def _fold_unproven(self, session: str, key_hash: bytes, naming: Naming, at: float) -> None:
        """Expire the unproven record of a process that is proven now, without counting an end."""
        known = self.by_id.get(session) if naming.info.verified else None
        if known is not None and compare_digest(known.key_hash, key_hash):
            if known.close is not None:
                known.close()
                self._attach(known, connected=False, at=at)
            self._expire(known, counts=False)

    def _new(self, hello: Hello, naming: Naming, key_hash: bytes, peer: Peer, at: float) -> Process:
        if self.connected >= self.table.limits.processes:
            text = f"{self.connected} processes are connected, as many as --limit.processes allows"
            raise ProtocolError("session_limit", text)
        started = hello.start_time or self.clock.unix(at)
        process = Process(
            hello.session, key_hash, naming.identity, naming.info, started, hello.monotonic
        )
        process.parent = hello.parent or 0
        process.account = self._account(process, peer.principal, peer.process)
        try:
            if not process.account.hold(What.SERIES, costs.process(process)):
                raise no_room()
            plugin = self.table.plugin(naming, peer.principal, at=at, started=started)
        except ProtocolError:
            process.account.close()
            raise
        process.join(plugin)
        process.is_child = process.has_parent()
        return process

    def _connect(self, process: Process, close: Callable[[], None], peer: Peer, at: float) -> None:
        """Make a connection the one that speaks for a process, and close the one before."""
        old, process.close = process.close, close
        if old is not None:
            old()
        before = process.account
        process.account = self._account(process, peer.principal, peer.process)
        if before is not process.account:
            for what in What:
                process.account.take(what, before.own(what))
            before.close()
        if process.id not in self.by_id:  # new, or expired
            self.tombstones.expired.pop(process.id, None)
            process.expired = False
            process.account.move(What.ENDED, What.SERIES)
            self.table.cells += len(process.rows)
            self.by_id[process.id] = process.plugin.processes[process.id] = process
            self.table.attend(process.plugin)
        process.is_full = False
        process.peer = peer
        process.watch(peer.handle)
        process.last_seen = process.plugin.last_seen = at
        self._attach(process, connected=True, at=at)
        self.table.version += 1

    def _attach(self, process: Process, *, connected: bool, at: float) -> None:
        self.connected += connected - process.connected
        process.attach(connected=connected, at=at)

    def _account(self, process: Process, principal: str, unit: Hashable) -> Account:
        """Return the account of a process. ``unit`` is what the kernel knows the process by."""
        process.principal = principal
        lose = partial(self._lose, process)
        return self.table.budget.account(principal, unit, process.id, lose=lose)

    def _lose(self, process: Process, _: What) -> None:
        """Drop the rows of an expired process. Its id and key stay, to refuse it if it returns."""
        process.cells, process.rows, process.info = [], {}, ProcessInfo()
        process.forgotten = True
        process.account.take(What.SERIES, costs.process(process))
        self.table.version += 1

    def _disconnected(self) -> list[Process]:
        return [process for process in self.by_id.values() if not process.connected]

    def _expire(self, process: Process, *, counts: bool = True) -> None:
        """Expire a process that vanished without ``bye``. Its rows stay, in case it returns."""
        if counts:
            self._exit(process, exits.LOST)
        process.has_ended = counts and process.handle is not None
        self._remove(process)
        process.expired = True
        process.account.move(What.SERIES, What.ENDED)
        self.tombstones.expired[process.id] = process
        self.table.version += 1

    def _exit(self, process: Process, status: str) -> None:
        """Count the end of a process, unless its parent is a process of the same plugin."""
        if not process.is_child and not process.has_parent():
            process.plugin.exit(status)

    def _part(self, process: Process, at: float) -> None:
        """Forget a process that begins anew: under other labels, or after its plugin left."""
        if process.close is not None:
            process.close()
        if not process.plugin.gone:
            self._attach(process, connected=False, at=at)
        self._forget(process)
        self.table.version += 1

    def _forget(self, process: Process) -> None:
        self._remove(process)
        process.account.close()

    def _remove(self, process: Process) -> None:
        process.watch(None)
        if self.by_id.pop(process.id, None) is not None:
            self.table.cells -= len(process.rows)
        self.tombstones.expired.pop(process.id, None)
        plugin = process.plugin
        if plugin.processes.pop(process.id, None) is not None:
            self.table.attend(plugin)
        process.close = None
        self.awaited.discard(process.id)


def _is_another(known: Process, naming: Naming) -> bool:
    """Tell whether a returning process has new labels, since only now the stack is asked."""
    by_stack = known.info.resolved or known.plugin.pending
    return bool((naming.info.resolved or naming.pending) and not by_stack)
