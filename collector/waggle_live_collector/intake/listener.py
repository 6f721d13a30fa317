"""Carries bytes between the sockets of plugins and their protocols.

A connection has a limited time until its ``hello``. A peer that doesn't read is cut off once too
many bytes wait for it. Connections and their unfinished lines count in the budget. A peer whose
bytes take long is read again later (``sockets/turns.py``), so a flood costs others and the scrapes
little. An internal error costs only its connection. Belongs to the event loop.
"""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass
from functools import partial

from ..budget import Budget, What
from ..identity import peer as peers
from ..identity.peer import Peer
from ..limits import Limits, plugin_connections
from ..sockets.acceptor import Acceptor
from ..sockets.tcp import keep_alive
from ..sockets.turns import Turns
from .protocol import Intake, WireProtocol

#: The most bytes that wait for a peer to read them, and the memory that each byte takes.
DEFAULT_MAX_UNREAD, UNREAD_FACTOR = 64 * 1024, 2
#: Bytes that the kernel holds for a peer. Its default is 200 KiB, which our cgroup pays.
SEND_BUFFER = 8 * 1024
#: Bytes read from a peer at once, and from one whose last bytes took longer than a pause.
DEFAULT_READ_BYTES, SLOW_READ_BYTES = 16 * 1024, 4 * 1024
#: Bytes of a connection (tests/collector/intake/test_room.py measures them), and the steps in which
#: unfinished lines and unread bytes count.
CONNECTION_BYTES, LINE_STEP = 6 * 1024, 4 * 1024
#: A peer that has to wait longer than this for its turn is not read meanwhile.
PAUSE_SECONDS = 0.005
#: The most seconds that a peer has to read what it was sent before we close.
CLOSE_SECONDS = 1.0
#: At the end the sockets are read until nothing has arrived in this many pauses of so many seconds:
#: several, as one may end late on a busy machine, with no turn of the event loop in it. ...
QUIET_PAUSES, QUIET_SECONDS = 5, 0.01
#: ... Or, as long as more arrives, for at most this many seconds.
DRAIN_SECONDS = 1.0


class PluginConnection(asyncio.BufferedProtocol):
    """One accepted socket; hands bytes to its protocol and back."""

    #: What is read is taken in at once, so all connections share one buffer.
    _buffer = memoryview(bytearray(DEFAULT_READ_BYTES))

    def __init__(self, listener: Listener, peer: Peer) -> None:
        self.since = listener.clock.monotonic()
        self.principal = peer.principal
        self._path = (peer.principal, peer.process, id(self))
        self.account = listener.budget.account(*self._path, lose=lambda _: self._give_way())
        self._listener = listener
        self._transport: asyncio.Transport | None = None
        self._protocol = WireProtocol(self, peer, listener)
        #: Whether it speaks for a living process, and whether its last bytes took long.
        self._speaks = self._slow = False
        #: Ends a pause.
        self._timer: asyncio.TimerHandle | None = None

    def overdue(self, now: float) -> str:
        """Return why it must be cut, ``silent`` or ``unread``; "" if it may stay."""
        closing = self._transport is not None and self._transport.is_closing()
        if self._protocol.owes and not closing:
            return ""  # it waits for us
        if now - self.since < (CLOSE_SECONDS if closing else self._listener.limits.hello_seconds):
            return ""
        return "unread" if closing else "silent"

    async def open(self, sock: socket.socket) -> None:
        """Take the accepted socket over."""
        await asyncio.get_running_loop().connect_accepted_socket(lambda: self, sock)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Asyncio: the connection is made."""
        transport.set_write_buffer_limits(0)
        self._transport = transport
        self._hold()
        self._wait(self._listener.turns.wait(self._path[:2]))

    def get_buffer(self, sizehint: int) -> memoryview:
        """Asyncio: return the buffer to read into."""
        return self._buffer[:SLOW_READ_BYTES] if self._slow else self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Asyncio: bytes arrived."""
        begin = time.thread_time()  # CPU time, so that other processes don't count
        self._protocol.receive(bytes(self._buffer[:nbytes]))
        if (self._protocol.process is not None) != self._speaks:
            self._speaks = not self._speaks
            self.account.take(What.SERIES, CONNECTION_BYTES if self._speaks else -CONNECTION_BYTES)
            self._listener.acceptor.moved(self, waiting=not self._speaks)
        self._hold()
        took = time.thread_time() - begin
        self._slow = took > PAUSE_SECONDS
        self._wait(self._listener.turns.take(self._path[:2], took))

    def eof_received(self) -> bool:
        """Asyncio: the peer sends no more. The protocol closes when it has answered."""
        self._protocol.end_of_file()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio: the connection is closed, by the peer or by us."""
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        self._listener.acceptor.lost(self)
        self._protocol.end_of_file()

    def resume_writing(self) -> None:
        """Asyncio: the peer has read all that it was sent."""
        self.account.hold(What.ANSWERS, 0)

    def send(self, data: bytes) -> None:
        """Queue an answer. A peer that doesn't read its answers is cut off."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(data)
        unread = transport.get_write_buffer_size()
        if unread > DEFAULT_MAX_UNREAD:
            self._listener.acceptor.cut(self, "unread")
        elif unread:
            steps = -(-unread // LINE_STEP) * LINE_STEP
            if not self.account.hold(What.ANSWERS, SEND_BUFFER + UNREAD_FACTOR * steps):
                self._give_way()

    def close(self) -> None:
        """Close once the queue is sent. A peer that doesn't read it is cut off later."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()
            self._listener.acceptor.moved(self, waiting=True)

    def abort(self) -> None:
        """Close now."""
        # asyncio tells of the end in the loop's next turn. Until then others may fill the room.
        self._protocol.forget()
        if self._transport is not None:
            self._transport.abort()
        else:  # it was never made: close the handle on its peer
            self._protocol.end_of_file()

    def _hold(self) -> None:
        """Hold in the budget what the connection takes without its process, or give way."""
        line = -(-self._protocol.lines.unfinished // LINE_STEP) * LINE_STEP
        size = line if self._speaks else line + CONNECTION_BYTES
        if not self.account.hold(What.INCOMPLETE, size):
            self._give_way()

    def _give_way(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(self._protocol.no_room())
            self._listener.acceptor.cut(self, "crowded")

    def _wait(self, seconds: float) -> None:
        """Stop reading for some seconds."""
        if seconds > PAUSE_SECONDS and self._transport is not None:
            self._listener.own.read_pauses.inc()
            self._transport.pause_reading()
            resume = self._transport.resume_reading
            self._timer = asyncio.get_running_loop().call_later(seconds, resume)


@dataclass(eq=False, kw_only=True)
class Listener(Intake):
    """Takes in plugins on any number of sockets; ``prove`` asks the kernel for their pods."""

    budget: Budget
    limits: Limits
    prove: bool = False

    def __post_init__(self) -> None:
        self.turns = Turns(self.clock.monotonic)
        self.acceptor = Acceptor(
            make=self._make,
            count=partial(self.own.connected, self.own.connections),
            delayed=self.own.accept_delays.inc,
            faults=self.faults,
            now=self.clock.monotonic,
            working=What.SERIES,
            most=plugin_connections(),
            process_pace=self.limits.process_pace,
            pod_pace=self.limits.pod_pace,
        )

    async def stop(self) -> None:
        """Accept no more, then read what is already on its way, within a second."""
        self.acceptor.stop()
        loop = asyncio.get_running_loop()
        deadline, quiet = loop.time() + DRAIN_SECONDS, 0
        while quiet < QUIET_PAUSES and (quiet or loop.time() < deadline):
            seen = self.turns.taken
            await asyncio.sleep(QUIET_SECONDS)
            quiet = quiet + 1 if seen == self.turns.taken else 0

    def _make(self, accepted: socket.socket) -> PluginConnection:
        # At once, since the pid of a process that ends may be used again.
        peer = peers.of(accepted, prove=self.prove)
        # The kernel doubles the size it is given.
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER // 2)
        if peer.tcp:
            keep_alive(accepted, *self.limits.keepalive)
        return PluginConnection(self, peer)
