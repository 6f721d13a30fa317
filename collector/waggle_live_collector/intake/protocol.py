"""The protocol state of one connection, with no socket in it: bytes in, answers out.

Rules: the first message is ``hello``; one bad message or cell costs only itself; only
``flush`` and ``bye`` are answered when they succeed; once another connection has taken the
process over, or this one was told to close, nothing more is read. Errors to a peer that makes
many are thinned out, so that it can't make us buffer or spend.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from waggle_live.wire.errors import ProtocolError
from waggle_live.wire.protocol import MAX_LINE_BYTES, VERSION, LineBuffer, encode

from .. import messages
from ..clock import Clock
from ..faults import Faults
from ..identity.peer import Peer
from ..messages import Bye, Flush, Hello, Refusal, Update
from ..own_metrics import OwnMetrics
from ..table.kinds import DECODER, Cell
from ..table.process import Process
from ..table.processes import Processes
from ..version import VERSION as COLLECTOR_VERSION

log = logging.getLogger(__name__)

#: Errors answered at once, and per second after that; further ones are only counted.
DEFAULT_ERROR_BURST = 100
DEFAULT_ERRORS_PER_SECOND = 10.0

#: Longest line before the ``hello``, which is shorter: strangers take little memory.
MAX_HELLO_BYTES = 16 * 1024

_CLOSING = {"no_hello", "version", "session_taken", "session_limit", "budget", "identity", "token"}


class Wire(Protocol):
    """What a protocol needs of its connection; neither call may block or raise."""

    def send(self, data: bytes) -> None:
        """Queue bytes to the peer; lost when the connection is gone."""

    def close(self) -> None:
        """Close once what was queued is sent."""


#: Calls with True once everything applied so far is in the state file, with False if it can't be
#: written or that takes too long.
WhenSaved = Callable[[Callable[[bool], None]], None]


@dataclass(eq=False, kw_only=True)
class WireProtocol:
    """One peer's connection, from its ``hello`` to its end. Belongs to the event loop."""

    wire: Wire
    processes: Processes
    when_saved: WhenSaved
    own: OwnMetrics
    faults: Faults
    clock: Clock
    peer: Peer

    def __post_init__(self) -> None:
        self.process: Process | None = None
        self._lines = LineBuffer(MAX_HELLO_BYTES)
        #: Has the peer said an acceptable ``hello``?
        self.greeted = False
        self._ended = False
        self._closed = False
        #: Answers that wait for the state file.
        self._owed = 0
        self._allowance = float(DEFAULT_ERROR_BURST)
        self._allowed_at = self.clock.monotonic()

    @property
    def floods(self) -> bool:
        """Does the peer make more errors than are answered?"""
        return self._allowance + self._earned(self.clock.monotonic()) < 1

    def receive(self, data: bytes) -> None:
        """Take in bytes, in any pieces."""
        for line in self._lines.feed(data):
            if self._closed:
                return
            if line is None:
                limit = MAX_LINE_BYTES if self.greeted else MAX_HELLO_BYTES
                self._refuse(Refusal("too_long", f"a line has at most {limit} bytes here"))
                continue
            try:
                message, refusals = DECODER.decode(line)
                self._handle(message, line)
            except ProtocolError as error:
                # Nobody is told anything of a line that may hold the token.
                refused = "" if b'"token"' in line else messages.excerpt(line)
                self._refuse(Refusal(error.code, str(error), refused))
            else:
                for refusal in refusals:
                    self._refuse(refusal)

    def end_of_file(self) -> None:
        """The peer says no more; it may still read. May be called again."""
        self._closed = True
        if self.process is not None and not self._ended:
            self.processes.leave(self.process, self._close)
        elif self.peer.handle is not None and self.process is None:
            self.peer.handle.close()
        if not self._owed:
            self.wire.close()

    def _handle(self, message: messages.Message | None, line: bytes) -> None:
        if isinstance(message, Hello):
            self._hello(message)
        elif not self.greeted:
            raise ProtocolError("no_hello", "the first message must be hello")
        elif isinstance(message, Update):
            self._update(message)
        elif isinstance(message, Bye):
            self._bye(message)
        elif isinstance(message, Flush):
            if self.process is not None and not self._ended:
                self.processes.seen(self.process)
            self._send({"type": "applied", "number": message.number})

    def _hello(self, hello: Hello) -> None:
        if self.greeted:
            raise ProtocolError("bad_message", "only one hello on a connection")
        if hello.version != VERSION:
            raise ProtocolError("version", f"this collector speaks version {VERSION}")
        self.process, resumed = self.processes.open(hello, self._close, self.peer)
        self.greeted = True
        self._lines.set_limit(MAX_LINE_BYTES)
        self._ended = self.process is None
        who = f"waggle-live-collector {COLLECTOR_VERSION}"
        welcome = {"type": "welcome", "version": VERSION, "collector": who, "resumed": resumed}
        self._send(welcome)

    def _update(self, update: Update[Cell]) -> None:
        if self._ended or self.process is None:
            raise ProtocolError("session_ended", "this process said bye before")
        begin = self.clock.monotonic()
        refusals = self.processes.apply(self.process, update)
        if refusals is None:
            self.own.stale_updates.inc()
            return
        for refusal in refusals:
            self._refuse(refusal)
        self.own.updated(len(update.cells), self.clock.monotonic() - begin)

    def _bye(self, bye: Bye) -> None:
        if self.process is not None and not self._ended:
            self._ended = True
            self.processes.end(self.process, bye)
        self._owed += 1
        self.when_saved(lambda saved: self._saved(bye.number, saved))

    def _saved(self, number: int, saved: bool) -> None:
        self._owed -= 1
        if saved:
            self._send({"type": "applied", "number": number})
        else:  # whoever still waits may connect and ask again
            text = "what was counted is not saved: the collector can't write its state file"
            self._refuse(Refusal("not_saved", text))
            self._closed = True
        if self._closed and not self._owed:
            self.wire.close()

    def _refuse(self, refusal: Refusal) -> None:
        self.own.refused(refusal.code, self.peer.principal)
        now = self.clock.monotonic()
        self._allowance = min(self._allowance + self._earned(now), float(DEFAULT_ERROR_BURST))
        self._allowed_at = now
        if self._allowance >= 1:
            self._allowance -= 1
            code, text, refused = refusal
            self._send({"type": "error", "code": code, "text": text, "refused": refused})
            log.debug("refused from %s: %s: %s", self.peer.principal, code, text)
        if refusal.code in _CLOSING and not self.greeted:
            self._close()

    def _earned(self, now: float) -> float:
        return (now - self._allowed_at) * DEFAULT_ERRORS_PER_SECOND

    def _send(self, message: dict[str, object]) -> None:
        self.wire.send(encode(message))

    def _close(self) -> None:
        self._closed = True
        self.wire.close()
