"""Accepts connections of plugins and of HTTP: at a pace, and within the descriptors.

A flood delays nobody else. A connection is closed at once if its process, or its pod, connects too
often. If descriptors run out, the principal with the most connections loses the one that has waited
longest. Each closing is counted with its reason and principal. Belongs to the event loop.
"""

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from ..budget import Account, Budget, What
from ..faults import Faults
from .pace import Pace
from .tcp import join

log = logging.getLogger(__name__)

#: The most connections, and seconds, of accepting before others have their turn. Connections that
#: come together are accepted together, so their requests can share an answer.
BURST, BURST_SECONDS = 64, 0.002
#: The most connections, and seconds, of accepting at the end. The kernel's queue has no more.
LAST, LAST_SECONDS = 4096, 1.0
#: Seconds of pause after a failed accept, mostly for lack of descriptors.
FAILURE_PAUSE = 0.1
#: Seconds between two lines about that.
LOG_SECONDS = 60.0


class Accepted(Protocol):
    """What an acceptor needs of a connection."""

    #: Monotonic time at which it began to wait, or to work.
    since: float
    principal: str
    #: Its account, below that of its process, which is below its principal's.
    account: Account

    def open(self, sock: socket.socket) -> Coroutine[Any, Any, None]:
        """Take over the accepted socket. Raises OSError if the TLS handshake fails."""

    def overdue(self, now: float) -> str:
        """Return why a waiting connection must be cut; "" if it may stay."""

    def abort(self) -> None:
        """Close at once."""

    def __hash__(self) -> int: ...


C = TypeVar("C", bound=Accepted)


@dataclass(eq=False, kw_only=True)
class Acceptor(Generic[C]):
    """Accepts on any number of listening, non-blocking sockets, until told to stop.

    ``make`` returns the connection of an accepted socket, or None to refuse it. ``count`` is called
    with each outcome and its principal: ``accepted``, ``paced`` (connected too often), ``crowded``
    (made room), ``tls`` (failed handshake), and what :meth:`Accepted.overdue` returns. ``delayed``
    is called when accepting has to wait.

    A connection begins as waiting. Its owner calls :meth:`moved` and :meth:`lost`. ``most`` is the
    number of connections for which there are descriptors. Working connections are held as
    ``working``. ``process_pace`` and ``pod_pace`` are how often one may connect at once, and per
    second. At most ``burst`` connections are accepted before others have their turn.
    """

    make: Callable[[socket.socket], C | None]
    count: Callable[[str, str], None]
    delayed: Callable[[], None]
    faults: Faults
    now: Callable[[], float]
    working: What
    most: int
    process_pace: tuple[float, float]
    pod_pace: tuple[float, float]
    burst: int = BURST

    def __post_init__(self) -> None:
        self._descriptors = Budget(self.most, reserve=0)
        self._by_process = Pace(*self.process_pace, now=self.now)
        self._by_pod = Pace(*self.pod_pace, now=self.now)
        #: The place (one descriptor) of each connection, oldest first.
        self._places: dict[C, Account] = {}
        #: Accepted sockets whose connections asyncio is still opening.
        self._opening: dict[C, socket.socket] = {}
        self._listening: list[socket.socket] = []
        #: The principals of processes that connected lately, by pid.
        self._principals: dict[int, str] = {}
        self._complained_at = -LOG_SECONDS

    def start(self, sock: socket.socket) -> None:
        """Accept on a listening, non-blocking socket."""
        self._listening.append(sock)
        asyncio.get_running_loop().add_reader(sock, self._accept, sock)

    def replace(self, sock: socket.socket) -> None:
        """Accept on ``sock`` instead of the other sockets of its family. Connections stay."""
        for each in [each for each in self._listening if each.family == sock.family]:
            self._stop(each)
        self.start(sock)

    def stop(self) -> None:
        """Accept what is in the kernel's queues, then no more. Connections stay."""
        for sock in list(self._listening):
            self._stop(sock)

    def sweep(self) -> None:
        """Cut connections that have waited too long. Call about once a second."""
        now = self.now()
        for connection, place in list(self._places.items()):
            if place.own(What.INCOMPLETE) and (outcome := connection.overdue(now)):
                self.cut(connection, outcome)
        for part in (self._descriptors, self._by_process, self._by_pod):
            part.sweep()
        lately = self._by_process
        self._principals = {p: who for p, who in self._principals.items() if p in lately}

    def moved(self, connection: C, *, waiting: bool) -> None:
        """Note that a connection begins to wait, or to work."""
        place = self._places.get(connection)
        if place is not None:
            connection.since = self.now()
            kinds = self.working, What.INCOMPLETE
            place.move(*kinds if waiting else kinds[::-1])

    def cut(self, connection: C, outcome: str) -> None:
        """Close a connection and count why. Does nothing if it is closed already."""
        if self.lost(connection):
            self.count(outcome, connection.principal)
            self._abort(connection)

    def abort(self) -> None:
        """Close all connections."""
        for connection in list(self._places):
            self._abort(connection)

    def lost(self, connection: C) -> bool:
        """Forget a connection that is closed; tell whether it was known."""
        place = self._places.pop(connection, None)
        if place is None:
            return False
        place.close()
        connection.account.close()
        return True

    def _abort(self, connection: C) -> None:
        opening = self._opening.get(connection)
        if opening is not None:
            # asyncio then ends it by itself. After a cancel it could still begin to use the
            # descriptor, which may be another's by then.
            with contextlib.suppress(OSError):
                opening.shutdown(socket.SHUT_RDWR)
        connection.abort()

    def _stop(self, sock: socket.socket) -> None:
        asyncio.get_running_loop().remove_reader(sock)
        self._listening.remove(sock)
        # Short processes that connected, sent everything and ended are still in the queue.
        self._accept(sock, LAST, LAST_SECONDS)
        sock.close()

    def _accept(self, sock: socket.socket, most: int = 0, seconds: float = BURST_SECONDS) -> None:
        end = self.now() + seconds
        for _ in range(most or self.burst):
            if self.now() > end:
                return
            try:
                accepted = sock.accept()[0]
            except BlockingIOError:
                return
            except OSError as error:
                self._pause(sock, error)
                return
            with self.faults.kept("sockets", "a connection can't be accepted"):
                self._begin(accepted)

    def _pause(self, sock: socket.socket, error: OSError) -> None:
        self.delayed()
        self._complain(f"can't accept a connection on {_address(sock)}: {error.strerror}")
        loop = asyncio.get_running_loop()
        if loop.remove_reader(sock):
            loop.call_later(FAILURE_PAUSE, self._go_on, sock)

    def _go_on(self, sock: socket.socket) -> None:
        if sock in self._listening:
            asyncio.get_running_loop().add_reader(sock, self._accept, sock)

    def _complain(self, text: str) -> None:
        if self.now() - self._complained_at >= LOG_SECONDS:
            self._complained_at = self.now()
            log.warning("%s; for a minute more of these are only counted", text)

    def _begin(self, accepted: socket.socket) -> None:
        connection = None
        try:
            connection = self._make(accepted)
        finally:
            if connection is None:
                accepted.close()
        if connection is not None:
            self._opening[connection] = accepted
            task = asyncio.create_task(connection.open(accepted))
            task.add_done_callback(lambda task: self._opened(connection, accepted, task))

    def _make(self, accepted: socket.socket) -> C | None:
        """Return the connection, which has a place; None if it is refused."""
        # First by process: that is cheap, and a flood mostly comes from one.
        pid = _pid(accepted)
        if pid and not self._by_process.allows(pid):
            self.count("paced", self._principals.get(pid, "unknown"))
            return None
        accepted.setblocking(False)
        connection = self.make(accepted)
        if connection is None:
            return None
        who, process = connection.principal, connection.account.path()[1].name
        if pid:
            self._principals[pid] = who
        place = self._places[connection] = self._descriptors.account(
            who, process, connection, lose=lambda _: self.cut(connection, "crowded")
        )
        # Only pods: behind an address or a uid there may be others than the one that floods.
        if who.startswith("pod:") and not self._by_pod.allows(who):
            self.cut(connection, "paced")
        elif not place.hold(self.working, 1):
            self._complain(f"no more than {self.most} connections fit; raise `ulimit -n`")
            self.cut(connection, "crowded")
        else:
            place.move(self.working, What.INCOMPLETE)
            self.count("accepted", who)
            return connection
        return None

    def _opened(self, connection: C, accepted: socket.socket, task: asyncio.Task[None]) -> None:
        del self._opening[connection]
        error = None if task.cancelled() else task.exception()
        if isinstance(error, OSError):
            self.cut(connection, "tls")
            log.debug("TLS handshake with %s failed: %s", connection.principal, error)
            # They keep the memory of the handshake alive until the next garbage collection.
            error.__traceback__ = error.__context__ = None
        elif error is not None:
            self.faults.note("sockets", "a connection can't be opened", error)
        if error is not None or task.cancelled():
            self.lost(connection)
            connection.abort()  # there may be no transport to do it
            accepted.close()


def _address(sock: socket.socket) -> str:
    """Return the address of a listening socket as one writes it."""
    name = sock.getsockname()
    return name if isinstance(name, str) else join(*name[:2])


def _pid(sock: socket.socket) -> int:
    """Return the pid of the peer; 0 if the kernel doesn't tell."""
    if sock.family != socket.AF_UNIX:
        return 0
    return int.from_bytes(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 4), sys.byteorder)
