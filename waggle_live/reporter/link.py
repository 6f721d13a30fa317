"""The link to the collector: the present connection, and when to try the next.

Nothing that a collector says is trusted. Only answers and errors count; an error is logged once per
known code, shortened and escaped. A collector that hangs up soon, again and again, is tried in
intervals that double. They don't double if it was restarted each time, which shows by a new socket
file or a refused connection. A collector that refuses us, or talks without end, is left alone for a
while. While somebody waits for an answer, the intervals begin shorter, but double as well.
"""

from typing import Any, Callable, Dict, List, Optional, Set

from ..logs import LogOnce, printable
from ..native import Native
from ..wire.protocol import BUDGET, encode
from .address import Address
from .connection import DEFAULT_HEARD_BYTES_PER_SECOND, Connection, explain
from .session import Session

#: Seconds between attempts to connect over TCP. Over a unix socket each interval is an attempt.
TCP_RETRY = 1.0
#: Seconds to stay away from a collector that refused us; also the longest after hang-ups.
DEFAULT_REFUSED_RETRY = 5.0
#: Seconds between two connections while somebody waits, after the first short one.
DEFAULT_URGENT_RETRY = 0.02
#: A connection that lasts less than these seconds is short.
DEFAULT_STEADY_SECONDS = 1.0
#: After so many short connections in a row one line is logged.
DEFAULT_SHORT_TOLD = 5
SHORT = "the collector at %s has hung up %d times in a row; retries slow down, to one every %g s"
FAULT = "internal error in the sender, which connects again and goes on"
#: Seconds between checks of a connection that nobody waits on: for its end, and for a new socket
#: file in its place. A send on a closed one fails at once, and each tick reads what has come.
DEFAULT_LOOK_SECONDS = 1.0
#: Seconds without a collector before the one line of log about it.
GRACE = 2.0
ABSENT = "no collector at %s (%s); the plugin goes on without, and looks for it in the background"

#: After an error of these codes the collector closes the connection; a soon retry would fail too.
CLOSING_CODES = frozenset(
    ("no_hello", "version", "session_limit", "identity", "token", "not_saved")
)
#: All codes of the protocol. Errors of other codes share one kind of line.
CODES = CLOSING_CODES | {
    "bad_json",
    "too_long",
    "bad_message",
    "bad_cell",
    "bad_knob",
    "control",
    BUDGET,
    "bucket_limit",
    "series_limit",
    "total_series_limit",
    "session_taken",
    "session_ended",
}

#: Addresses whose absent collector was logged: one line, however many plugins a process opens in
#: turn. Forked children inherit it. Bounded, since a program uses few addresses.
_absent: "Set[Address]" = set()


class Link:
    """Connects, listens and backs off. Used by the sender's thread alone.

    ``refuse`` gets the name of a series that the collector has no room for, and returns whether
    that is dealt with. ``obey`` gets the last ``set`` of those read together, and a time before its
    arrival; None for a session that takes no orders.
    """

    def __init__(
        self,
        *,
        session: Session,
        addresses: Callable[[], List[Address]],
        refuse: Callable[[Any], bool],
        interval: float,
        log_once: LogOnce,
        obey: Optional[Callable[[Dict[str, Any], float], None]],
    ) -> None:
        self._session = session
        self._addresses = addresses
        self._refuse = refuse
        self._interval = interval
        self._log_once = log_once
        self._obey = obey
        #: Open and greeted with ``hello``; None while there is no connection.
        self.connection: Optional[Connection] = None
        #: Whether there ever was a connection.
        self.was_connected = False
        #: Number of the last question that was answered on this connection.
        self.applied = 0
        self._connected_at = 0.0
        self._retry_at = 0.0
        #: The same while somebody waits.
        self._urgent_at = 0.0
        self._look_at = 0.0
        #: When all that had arrived was read: what is read now came later.
        self._heard_at = 0.0
        #: The number of short connections in a row, all by the same socket file.
        self._short = 0
        self._short_inode: Any = None

    def look(self, urgent: bool) -> None:
        """Read what has come, or connect if it is time to. ``urgent``: somebody waits for that.

        Raises OSError when the connection is lost.
        """
        now = Native.monotonic()
        if self.connection is None:
            if now >= (self._urgent_at if urgent else self._retry_at):
                self._connect(urgent)
        elif urgent or now >= self._look_at:
            self._look_at = now + DEFAULT_LOOK_SECONDS
            if self.connection.is_orphaned():
                self.close()
                self._connect(urgent)
            else:
                self.hear()
        elif self._obey is not None:
            if self.connection.has_unread:
                self.hear()
            else:
                self._heard_at = now

    def hear(self) -> None:
        """Handle what the collector says. Raises OSError when the connection is lost."""
        connection = self.connection
        if connection is None:
            return
        now, order = Native.monotonic(), None
        for message in connection.receive():
            number = message.get("number")
            if message["type"] == "applied" and type(number) is int:
                self.applied = number
            elif message["type"] == "error":
                self._hear_error(message)
            elif message["type"] == "set":
                order = message
            if self.connection is None:
                return
        if order is not None and self._obey is not None:
            self._obey(order, self._heard_at)
        if not connection.is_behind:
            self._heard_at = now
        if connection.is_flooded:
            self._log_once(
                "flood",
                "the collector says more than %d bytes a second; it is left alone for %g s",
                DEFAULT_HEARD_BYTES_PER_SECOND,
                DEFAULT_REFUSED_RETRY,
            )
            self._hang_up(is_refused=True)

    def lose(self, error: BaseException) -> None:
        """Give the connection up after ``error``, an OSError of its own or a fault of ours.

        First read what the collector said last, since it may say why.
        """
        try:
            if isinstance(error, OSError):
                self.hear()
        except Exception as last:
            error = last
        if not isinstance(error, OSError):
            self._log_once.fault(error, FAULT)
        self._hang_up(is_ours=not isinstance(error, OSError))

    def close(self) -> None:
        """Close the connection, if there is one. In a forked child the parent's stays open."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def _connect(self, urgent: bool) -> None:
        now, is_absent = Native.monotonic(), True
        for address in self._addresses():
            connection = self.connection = Connection(address)
            try:
                connection.open()
            except (OSError, ValueError) as error:  # ValueError: an invalid host name
                self.close()
                self._retry_at = now + (TCP_RETRY if address.host else 0.0)
                is_absent &= isinstance(error, (ConnectionRefusedError, FileNotFoundError))
                missed = now - self._session.started >= GRACE or urgent
                if missed and address not in _absent:
                    _absent.add(address)
                    self._log_once("connect", ABSENT, address, explain(error, address))
            else:
                if address.host and self._addresses()[0] != address:
                    # The collector has started meanwhile. It makes its socket before it takes the
                    # port, and on the socket it can prove this process.
                    self.close()
                    self._connect(urgent)
                    return
                self._connected_at = self._look_at = self._heard_at = now
                self.applied = 0
                self.was_connected = True
                connection.send(encode(self._session.hello(over_tcp=bool(address.host))))
                return
        if is_absent:  # the next listener was started anew
            self._short, self._urgent_at = 0, 0.0

    def _hear_error(self, message: Dict[str, Any]) -> None:
        code, text = message.get("code"), message.get("text")
        if code == BUDGET and self._refuse(message.get("refused")):
            return
        if not isinstance(code, str) or code not in CODES:
            code = "unknown"
        said = printable(text) if isinstance(text, str) else "no text"
        self._log_once(("error", code), "the collector refused something: %s (%s)", said, code)
        if code == "session_taken":
            self._session.renew()
            self._hang_up()
        elif code in CLOSING_CODES:
            if code == "not_saved":  # the bye was applied; another connection would add nothing
                self.was_connected = False
            self._hang_up(is_refused=True)

    def _hang_up(self, is_ours: bool = False, is_refused: bool = False) -> None:
        """Close. Try again at once, or later the more short connections there were."""
        if self.connection is None:
            return
        address, inode = self.connection.address, self.connection.inode
        self.close()
        now = Native.monotonic()
        is_steady = now - self._connected_at >= DEFAULT_STEADY_SECONDS and not is_refused
        if is_steady or inode != self._short_inode:
            self._short, self._short_inode = 0, inode
        if is_steady:
            return
        # All plugins of a node may lose their connection at once; they don't return all at once.
        doubled = 2 ** min(self._short, 10) * (0.75 + Native.urandom(1)[0] / 512)
        self._short += 1
        if self._short == DEFAULT_SHORT_TOLD and not is_ours and not is_refused:
            self._log_once("short", SHORT, address, self._short, DEFAULT_REFUSED_RETRY)
        pause = DEFAULT_REFUSED_RETRY if is_refused else self._interval * doubled
        self._retry_at = max(self._retry_at, now + min(pause, DEFAULT_REFUSED_RETRY))
        self._urgent_at = now + min(DEFAULT_URGENT_RETRY * doubled, DEFAULT_REFUSED_RETRY)
