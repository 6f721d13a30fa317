"""Accepts connections, of plugins and of HTTP alike: at a pace, so many, and for so long.

Bounds: connections per second (more wait in the kernel's queue; nobody is refused), connections
in all, and connections that wait for what their peer should say. Of those that wait, the one that
does so for longest makes room; of those at work the same, where none waits. Whatever is closed is
counted with its reason. Belongs to the event loop.
"""

import asyncio
import contextlib
import logging
import math
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from ..faults import Faults

log = logging.getLogger(__name__)

#: Connections accepted in a row before others have their turn. Those that come together are
#: accepted together, and so can share an answer.
BURST = 64
#: Seconds of pause after a failed accept, for want of descriptors mostly.
FAILURE_PAUSE = 0.1


class Accepted(Protocol):
    """What an acceptor needs of a connection."""

    #: Monotonic time at which it began to wait, or to work.
    since: float

    def open(self, sock: socket.socket) -> Coroutine[Any, Any, None]:
        """Take the accepted socket over; raises OSError if there is no TLS with the peer."""

    def abort(self) -> None:
        """Close now."""


C = TypeVar("C", bound=Accepted)


@dataclass(eq=False, kw_only=True)
class Acceptor(Generic[C]):
    """Accepts on any number of listening, non-blocking sockets, until told to stop.

    ``make`` returns the connection of an accepted socket, None to refuse it. ``overdue`` returns
    why one that waits has to go, "" while it may stay. ``count`` is told each outcome:
    ``accepted``, ``crowded`` (it made room), ``tls`` (no handshake), and what ``overdue`` says.
    ``delayed`` is called whenever the accept of a connection had to wait.

    A connection waits from the start; it says by :meth:`moved` and :meth:`lost` what becomes of
    it. One that has waited less than ``grace`` seconds makes no room.
    """

    make: Callable[[socket.socket], C | None]
    overdue: Callable[[C, float], str]
    count: Callable[[str], None]
    delayed: Callable[[], None]
    faults: Faults
    now: Callable[[], float]
    rate: float
    most: float = math.inf
    most_waiting: float = math.inf
    grace: float = 0.0

    def __post_init__(self) -> None:
        self._allowance = self.rate
        self._allowed_at = self.now()
        #: In the order in which they began it.
        self._waiting: dict[C, None] = {}
        self._working: dict[C, None] = {}
        #: Accepted, but asyncio or TLS is not done yet.
        self._opening: dict[C, asyncio.Task[None]] = {}
        self._accepting: list[tuple[asyncio.Task[None], socket.socket]] = []

    def start(self, sock: socket.socket) -> None:
        """Accept on a listening, non-blocking socket."""
        accept = partial(self._accept, sock)
        task = self.faults.task("sockets", "accepting connections failed", accept)
        self._accepting.append((task, sock))

    async def replace(self, sock: socket.socket) -> None:
        """Accept on ``sock`` instead of the others of its family; the connections stay."""
        await self._stop([pair for pair in self._accepting if pair[1].family == sock.family])
        self.start(sock)

    async def stop(self) -> None:
        """Accept no more but what stands in the kernel's queues; the connections stay."""
        await self._stop(list(self._accepting))

    def sweep(self) -> None:
        """Cut those that wait for too long; call about once a second."""
        self._make_room()
        now = self.now()
        for connection in list(self._waiting):
            if outcome := self.overdue(connection, now):
                self.cut(connection, outcome)

    def moved(self, connection: C, *, waiting: bool) -> None:
        """A connection begins to wait, or to work."""
        if self.lost(connection):
            connection.since = self.now()
            (self._waiting if waiting else self._working)[connection] = None

    def cut(self, connection: C, outcome: str) -> None:
        """Close a connection and count why; nothing if it is gone."""
        if self.lost(connection):
            self.count(outcome)
            self._abort(connection)

    def abort(self) -> None:
        """Close all connections."""
        for connection in [*self._waiting, *self._working]:
            self._abort(connection)

    def lost(self, connection: C) -> bool:
        """A connection is gone, or of no more interest here; tell whether it was known."""
        known = connection in self._waiting or connection in self._working
        self._waiting.pop(connection, None)
        self._working.pop(connection, None)
        return known

    def _abort(self, connection: C) -> None:
        opening = self._opening.get(connection)
        if opening is not None:
            opening.cancel()
        connection.abort()

    def _make_room(self, coming: int = 0) -> None:
        """Keep the bounds, with as many as are coming."""
        while (
            len(self._waiting) + coming > self.most_waiting
            or len(self._waiting) + len(self._working) + coming > self.most
        ):
            oldest = next(iter(self._waiting or self._working))
            if self.now() - oldest.since < self.grace:
                return
            self.cut(oldest, "crowded")

    async def _stop(self, accepting: list[tuple[asyncio.Task[None], socket.socket]]) -> None:
        for task, sock in accepting:
            self._accepting.remove((task, sock))
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            # Short processes that connected, said all and left stand in the queue still.
            with contextlib.suppress(OSError):
                while True:
                    self._begin(sock.accept()[0])
            sock.close()

    async def _accept(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        failing, accepted = False, 0
        while True:
            await self._pace()
            try:
                self._begin((await loop.sock_accept(sock))[0])
                failing = False
            except OSError as error:
                self.delayed()
                if not failing:
                    log.warning("can't accept a connection: %s", error)
                failing = True
                await asyncio.sleep(FAILURE_PAUSE)
            accepted += 1
            if not accepted % BURST:  # an accept that needn't wait gives nobody else a turn
                await asyncio.sleep(0)

    async def _pace(self) -> None:
        """Wait until the rate allows one more connection."""
        now = self.now()
        earned = (now - self._allowed_at) * self.rate
        self._allowance = min(self._allowance + earned, self.rate)
        self._allowed_at = now
        if self._allowance < 1:
            self.delayed()
            await asyncio.sleep((1 - self._allowance) / self.rate)
        self._allowance -= 1

    def _begin(self, accepted: socket.socket) -> None:
        accepted.setblocking(False)
        self.count("accepted")
        connection = self.make(accepted)
        if connection is None:
            accepted.close()
            return
        self._make_room(coming=1)
        self._waiting[connection] = None
        self._opening[connection] = task = asyncio.create_task(connection.open(accepted))
        task.add_done_callback(lambda task: self._opened(connection, accepted, task))

    def _opened(self, connection: C, accepted: socket.socket, task: asyncio.Task[None]) -> None:
        del self._opening[connection]
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.count("tls")
            log.debug("no TLS with a client: %s", error)
        if error is not None or task.cancelled():
            self.lost(connection)
            accepted.close()
