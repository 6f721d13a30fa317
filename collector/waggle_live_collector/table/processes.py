"""The known sessions: who may take over whom, how long one is held, what is remembered.

A session is *connected*, *held* (its connection ended without ``bye``), *lost* (its holding
time is over: folded, kept as a tombstone with its cells so that one that returns is counted
once), or *ended* (it said ``bye``: only its id and key stay, so that a repeated ``bye`` is
answered). Tombstones are bounded; one that had to go and still returns is counted anew.
Belongs to the event loop; not thread-safe.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from hmac import compare_digest
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from waggle_live.wire.errors import ProtocolError
from waggle_live.wire.protocol import check_session_id

from ..clock import Clock
from ..identity.app_meta import AppMeta
from ..identity.labels import Identify, Naming
from ..identity.peer import Peer
from ..limits import Limits
from ..messages import Hello, Refusal, Update
from .process import Session
from .table import Table

#: Tombstones of lost sessions, and their cells in all.
DEFAULT_MAX_LOST = 1_000
DEFAULT_MAX_LOST_CELLS = 20_000
#: Tombstones of ended sessions; a client repeats its ``bye`` within a second or never.
DEFAULT_MAX_ENDED = 2_000
DEFAULT_ENDED_AGE = 300.0


class Connection(Protocol):
    """What a session needs of the conversation that speaks for it."""

    def superseded(self) -> None:
        """Another connection took the session over: close, and let nothing more in."""


class EndedRow(Struct, array_like=True):
    """The tombstone of an ended session, in memory and in the state file."""

    id: str
    key_hash: bytes
    at: float


class Sessions:
    """Opens, takes over, applies, ends and forgets sessions."""

    def __init__(
        self,
        *,
        table: Table,
        identify: Identify,
        clock: Clock,
        limits: Limits,
        hold_time: float,
    ) -> None:
        self.by_id: dict[str, Session] = {}
        self.lost: dict[str, Session] = {}
        self.ended: dict[str, EndedRow] = {}
        #: Sessions that the state file held as connected and that are not back yet.
        self.awaited: set[str] = set()
        #: Held sessions that were folded before their holding time was over, for lack of room.
        self.folded_early = 0
        #: Lost sessions whose tombstone had to go before its plugin did.
        self.forgotten = 0
        self._table = table
        self._identify = identify
        self._clock = clock
        self._limits = limits
        self._hold_time = hold_time
        self._connections: dict[str, Connection] = {}
        self._high_water = limits.series - limits.series_per_session

    def open(self, hello: Hello, connection: Connection, peer: Peer) -> tuple[Session | None, bool]:
        """Return the session of a ``hello`` and whether it was known.

        None stands for a session that has ended. Raises ProtocolError (``session_taken``,
        ``session_limit``, ``bad_message``, ``identity``, ``token``); nothing has changed then.
        """
        naming = self._identify(hello, peer)
        session_id = check_session_id(hello.session)
        key_hash = sha256(check_session_id(hello.key).encode()).digest()
        ended = self.ended.get(session_id)
        known = self.by_id.get(session_id) or self.lost.get(session_id)
        holder = ended or known
        if holder is not None and not compare_digest(holder.key_hash, key_hash):
            raise ProtocolError("session_taken", "this session is known, and with another key")
        if ended is not None:
            return None, True
        at = self._clock.monotonic()
        if known is not None and not known.plugin.gone and not _is_another(known, naming):
            if naming.claim.verified and not known.claim.verified:
                known.claim = known.plugin.claim = replace(known.claim, verified=True)
            self._resume(known, at, connection)
            return known, True
        if known is not None:
            self._part(known, at)
        return self._begin(hello, naming, key_hash, at, connection), False

    def apply(self, session: Session, update: Update) -> list[Refusal] | None:
        """Count an update; None if it is an old one."""
        if self._table.cells > self._high_water:
            # A neighbour's dead processes must not take the room of the living.
            self._lose_oldest()
        refusals = session.apply(
            update,
            self._clock.monotonic(),
            table=self._table,
            max_series=self._limits.series_per_session,
        )
        self.awaited.discard(session.id)
        return refusals

    def seen(self, session: Session) -> None:
        """A message that changes nothing else arrived."""
        session.last_seen = session.plugin.last_seen = self._clock.monotonic()
        session.plugin.encoded = None
        self._table.version += 1
        self.awaited.discard(session.id)

    def end(self, session: Session, status: str) -> None:
        """The session said ``bye``: what it counted stays in the totals."""
        at = self._clock.monotonic()
        session.attach(connected=False, at=at)
        session.plugin.exit(status)
        session.plugin.last_seen = at
        self._forget(session)
        self.ended[session.id] = EndedRow(session.id, session.key_hash, at)
        while len(self.ended) > DEFAULT_MAX_ENDED:
            del self.ended[next(iter(self.ended))]
        self._table.version += 1

    def leave(self, session: Session, connection: Connection) -> None:
        """The connection ended without ``bye``: hold the session, if it is still its own."""
        if self._connections.get(session.id) is connection:
            del self._connections[session.id]
            session.attach(connected=False, at=self._clock.monotonic())
            self._table.version += 1

    def settle(self, app_id: str, meta: AppMeta) -> None:
        """The stack told who ``app_id`` is: all that is pending for it moves there."""
        pending = [p for p in self._table.plugins.values() if p.pending == app_id]
        for plugin in pending:
            sessions = [session for session in self.all() if session.plugin is plugin]
            for session in sessions:
                session.claim = meta.claim(session.claim)
                session.encoded = None
            plugin.claim = meta.claim(plugin.claim)
            self._table.settle(plugin, meta.identity, sessions, self._clock.monotonic())

    def sweep(self) -> None:
        """Fold and forget what is over its time; call about once a second."""
        now = self._clock.monotonic()
        held = [s for s in self.by_id.values() if not s.connected]
        for session in held:
            if session.plugin.gone:
                self._forget(session)
            elif now - session.left_at >= self._hold_time:
                self._lose(session)
        for row in list(self.ended.values()):
            if now - row.at < DEFAULT_ENDED_AGE:
                break
            del self.ended[row.id]
        for session in [s for s in self.lost.values() if s.plugin.gone]:
            self._forget(session)
        self._table.expire(now)

    def restore(self, session: Session, *, connected: bool) -> None:
        """Take a session from the state file; one that was connected is awaited."""
        if session.lost:
            self.lost[session.id] = session
        else:
            self.by_id[session.id] = session
            session.plugin.sessions[session.id] = session
            self._table.cells += len(session.cells)
        if connected:
            self.awaited.add(session.id)

    def all(self) -> Iterator[Session]:
        """Yield every session that has cells: connected, held and lost ones."""
        yield from self.by_id.values()
        yield from self.lost.values()

    @property
    def connected(self) -> int:
        """How many sessions are connected."""
        return len(self._connections)

    def _begin(
        self, hello: Hello, naming: Naming, key_hash: bytes, at: float, connection: Connection
    ) -> Session:
        if len(self.by_id) >= self._limits.sessions and not self._lose_oldest():
            raise ProtocolError("session_limit", "too many sessions are connected")
        started = hello.start_time or self._clock.unix(at)
        plugin = self._table.plugin(naming, at=at, started=started)
        session = Session(
            hello.session,
            key_hash,
            plugin=plugin,
            claim=naming.claim,
            started=started,
            began=hello.monotonic,
        )
        self.by_id[session.id] = plugin.sessions[session.id] = session
        self._connections[session.id] = connection
        plugin.last_seen = at
        session.attach(connected=True, at=at)
        return session

    def _resume(self, session: Session, at: float, connection: Connection) -> None:
        old = self._connections.get(session.id)
        self._connections[session.id] = connection
        if old is not None:
            old.superseded()
        if session.lost:
            session.lost = False
            del self.lost[session.id]
            self._table.cells += len(session.cells)
            self.by_id[session.id] = session.plugin.sessions[session.id] = session
        session.last_seen = session.plugin.last_seen = at
        session.attach(connected=True, at=at)
        self._table.version += 1

    def _lose_oldest(self) -> bool:
        """Fold the session that is held longest before its time; False if there is none."""
        held = [s for s in self.by_id.values() if not s.connected]
        if held:
            self._lose(min(held, key=lambda s: s.left_at))
            self.folded_early += 1
        return bool(held)

    def _lose(self, session: Session) -> None:
        """Fold a session whose holding time is over: its cells stay, to recognise it."""
        del self.by_id[session.id]
        session.plugin.sessions.pop(session.id, None)
        session.plugin.exit("lost")
        session.lost, session.encoded = True, None
        self.lost[session.id] = session
        self.awaited.discard(session.id)
        self._table.cells -= len(session.cells)
        cells = sum(len(s.cells) for s in self.lost.values())
        while len(self.lost) > DEFAULT_MAX_LOST or cells > DEFAULT_MAX_LOST_CELLS:
            oldest = next(iter(self.lost.values()))
            cells -= len(oldest.cells)
            self._forget(oldest)
            self.forgotten += 1
        self._table.version += 1

    def _part(self, session: Session, at: float) -> None:
        """Forget a known session that begins anew: under another name, or after its plugin left."""
        old = self._connections.get(session.id)
        if old is not None:
            old.superseded()
        if not session.plugin.gone:
            session.attach(connected=False, at=at)
        self._forget(session)
        self._table.version += 1

    def _forget(self, session: Session) -> None:
        if self.by_id.pop(session.id, None) is not None:
            self._table.cells -= len(session.cells)
        self.lost.pop(session.id, None)
        session.plugin.sessions.pop(session.id, None)
        self._connections.pop(session.id, None)
        self.awaited.discard(session.id)


def _is_another(known: Session, naming: Naming) -> bool:
    """Tell whether a session that returns is now proven to be somebody else than was believed.

    It may have been begun when the collector asked for less proof, or didn't ask the stack.
    """
    claim = naming.claim
    if claim.verified and claim.app_id != known.claim.app_id:
        return True
    by_stack = known.claim.resolved or known.plugin.pending
    return bool((claim.resolved or naming.pending) and not by_stack)
