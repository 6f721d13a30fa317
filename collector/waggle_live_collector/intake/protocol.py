"""The protocol state of one connection, with no socket in it: bytes in, answers out.

The first message is ``hello``. One bad message or cell costs only itself. Of successful messages
only ``flush`` and ``bye`` are answered. Nothing more is read once another connection has taken the
process over, or this one was told to close. A limited number of refusals is answered at once, and
after some bad lines the rest is skipped. So a peer can't make us buffer or work without end.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from waggle_live.wire.errors import ProtocolError
from waggle_live.wire.protocol import MAX_LINE_BYTES, VERSION, LineBuffer, encode

from .. import messages
from ..clock import Clock
from ..control.control import Control
from ..faults import Faults
from ..identity.peer import Peer
from ..messages import MAX_REFUSALS, Bye, Flush, Hello, Knobs, Refusal, Stacks, Update
from ..own_metrics import OwnMetrics
from ..table.kinds import DECODER, Cell
from ..table.process import Process
from ..table.processes import Processes
from ..version import VERSION as COLLECTOR_VERSION

log = logging.getLogger(__name__)

#: Longest text of an error, in characters.
MAX_TEXT = 1000

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
class Intake:
    """What all connections share."""

    processes: Processes
    control: Control
    when_saved: WhenSaved
    own: OwnMetrics
    faults: Faults
    clock: Clock


class WireProtocol:
    """One peer's connection, from its ``hello`` to its end. Belongs to the event loop."""

    def __init__(self, wire: Wire, peer: Peer, intake: Intake) -> None:
        #: What it speaks for, from an acceptable ``hello`` to ``bye``.
        self.process: Process | None = None
        self.lines = LineBuffer(MAX_HELLO_BYTES)
        self._wire, self._peer, self._intake = wire, peer, intake
        log.debug("connection from %s", peer)
        self._greeted = self._closed = False
        #: Answers that wait for the state file.
        self.owes = 0
        #: Refusals of what arrived last.
        self._refusals = 0

    def receive(self, data: bytes) -> None:
        """Take in bytes, in any pieces."""
        self._refusals = bad = 0
        for line in self.lines.feed(data):
            if self._closed:
                return
            if bad > MAX_REFUSALS:
                continue
            refusals: list[Refusal] = []
            try:
                if line is None:
                    raise ProtocolError("too_long", "a line has at most 1 MiB, 16 KiB before hello")
                message, refusals = DECODER.decode(line)
                self._handle(message, refusals)
            except ProtocolError as error:
                bad += 1
                # Nobody is told anything of a line that may hold the token.
                secret = line is None or b'"token"' in line
                refused = "" if secret else messages.excerpt(line or b"")
                refusals.append(Refusal(error.code, str(error), refused))
            except Exception as error:
                text = f"a connection of {self._peer.principal} is closed"
                self._intake.faults.note("intake", text, error)
                self._close()
            for refusal in refusals:
                self._refuse(refusal)

    def end_of_file(self) -> None:
        """The peer says no more; it may still read. May be called again."""
        self._closed = True
        # It and its connection refer to each other, and wait for the garbage collector.
        self.forget()
        if self.process is not None:
            self._intake.control.left(self.process, self._wire.send)
            self._intake.processes.leave(self.process, self._close)
        elif self._peer.handle is not None:
            self._peer.handle.close()
        if not self.owes:
            self._wire.close()

    def forget(self) -> None:
        """Free what is held of an incomplete line."""
        self.lines = LineBuffer(MAX_HELLO_BYTES)

    def no_room(self) -> bytes:
        """Count that the connection has to give way, and return what its peer is to be told."""
        self._intake.own.refused("budget", self._peer.principal)
        text = "the collector has no more memory for it: --limit.memory"
        return encode({"type": "error", "code": "budget", "text": text, "refused": ""})

    def _handle(self, message: messages.Message | None, refusals: list[Refusal]) -> None:
        if isinstance(message, Hello):
            self._hello(message)
        elif not self._greeted:
            raise ProtocolError("no_hello", "the first message must be hello")
        elif isinstance(message, Update):
            self._update(message, refusals)
        elif isinstance(message, (Knobs, Stacks)):
            self._control(message, refusals)
        elif isinstance(message, Bye):
            self._bye(message)
        elif isinstance(message, Flush):
            if self.process is not None:
                self._intake.processes.seen(self.process)
            self._send({"type": "applied", "number": message.number})

    def _hello(self, hello: Hello) -> None:
        if self._greeted:
            raise ProtocolError("bad_message", "only one hello on a connection")
        if hello.version != VERSION:
            raise ProtocolError("version", f"this collector speaks version {VERSION}")
        self.process, resumed = self._intake.processes.open(hello, self._close, self._peer)
        self._greeted = True
        self.lines.set_limit(MAX_LINE_BYTES)
        who = f"waggle-live-collector {COLLECTOR_VERSION}"
        self._send({"type": "welcome", "version": VERSION, "collector": who, "resumed": resumed})

    def _update(self, update: Update[Cell], refusals: list[Refusal]) -> None:
        if self.process is None:
            raise ProtocolError("session_ended", "this process said bye before")
        begin = self._intake.clock.monotonic()
        cells = self._intake.processes.apply(self.process, update, refusals)
        if cells is None:
            self._intake.own.stale_updates.inc()
        else:
            self._intake.own.updated(cells, self._intake.clock.monotonic() - begin)

    def _control(self, message: Knobs | Stacks, refusals: list[Refusal]) -> None:
        if self.process is None:
            raise ProtocolError("session_ended", "this process said bye before")
        self._intake.processes.seen(self.process)
        if isinstance(message, Stacks):
            self._intake.control.take_stacks(self.process, message)
        else:
            self._intake.control.take(self.process, message, self._wire.send, refusals)

    def _bye(self, bye: Bye) -> None:
        if self.process is not None:
            process, self.process = self.process, None
            self._intake.control.ended(process, bye.status)
            self._intake.processes.end(process, bye)
        self.owes += 1
        self._intake.when_saved(lambda saved: self._saved(bye.number, saved))

    def _saved(self, number: int, saved: bool) -> None:
        self.owes -= 1
        if saved:
            self._send({"type": "applied", "number": number})
        else:
            text = "what was counted is not saved: the collector can't write its state file"
            self._refuse(Refusal("not_saved", text))
        # Whoever waits for what was not saved may connect and ask again.
        if not self.owes and (self._closed or not saved):
            self._wire.close()

    def _refuse(self, refusal: Refusal) -> None:
        code, text = refusal.code, messages.excerpt(refusal.text, MAX_TEXT)
        self._intake.own.refused(code, self._peer.principal)
        self._refusals += 1
        if self._refusals <= MAX_REFUSALS + 1:  # with the one that says that there were so many
            self._send({"type": "error", "code": code, "text": text, "refused": refusal.refused})
            log.debug("refused from %s: %s: %s", self._peer.principal, code, text)
        if code in _CLOSING and not self._greeted:
            self._close()

    def _send(self, message: dict[str, object]) -> None:
        self._wire.send(encode(message))

    def _close(self) -> None:
        self._closed = True
        self._wire.close()
