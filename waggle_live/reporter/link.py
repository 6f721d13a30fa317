"""The link to the collector: the connection while there is one, and when to try the next.

What is heard on it is a stranger's word. Only answers and errors count; an error is logged once
per known code, shortened and escaped. A collector that hangs up soon, again and again, is tried
in intervals that double, unless it was started anew each time: that shows by its socket file, or
because nobody listened meanwhile. One that refuses us or talks without end is left alone for a
while. Where somebody waits for an answer the intervals begin shorter, but they double as well.
"""

from typing import Any, Callable, Dict, List, Optional, Set

from ..logs import LogOnce, printable
from ..native import Native
from ..wire.protocol import BUDGET, encode
from .address import Address
from .connection import DEFAULT_HEARD_BYTES_PER_SECOND, Connection, explain
from .session import Session

#: Seconds between attempts to connect over TCP; over a unix socket every interval is one.
TCP_RETRY = 1.0
#: Seconds to stay away from a collector that refused us, and the longest after short connections.
DEFAULT_REFUSED_RETRY = 5.0
#: Seconds between two connections where somebody waits, after the first short one.
DEFAULT_URGENT_RETRY = 0.02
#: Seconds that a connection lasts which isn't short.
DEFAULT_STEADY_SECONDS = 1.0
#: Short connections in a row that are worth a line of log.
DEFAULT_SHORT_TOLD = 5
SHORT = (
    "the collector at %s has hung up %d times in a row; it is tried less often, at last every %g s"
)
FAULT = "an error of ours: the sender connects again and goes on"
#: Seconds between looks at a connection that nobody waits on: for its end, and whether the socket
#: file is another's now. A send on a closed one fails at once, and what the collector says is heard
#: at each tick.
DEFAULT_LOOK_SECONDS = 1.0
#: Seconds without a collector before the one line of log about it.
GRACE = 2.0
ABSENT = "no collector at %s (%s); the plugin goes on without, and looks for it in the background"

#: Codes of errors after which the collector closes the connection: trying again soon is no use.
CLOSING_CODES = frozenset(
    ("no_hello", "version", "session_limit", "identity", "token", "not_saved")
)
#: All codes of the protocol. Errors of others are one kind of line.
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

#: Where this process has said that nobody is: one line, however many plugins it opens in turn. Its
#: forked children inherit it. Bounded by the addresses that a program is written with.
_absent: "Set[Address]" = set()


class Link:
    """Connects, listens and backs off. Used by the sender's thread alone.

    ``refuse`` is told what names a series that the collector has no room for; it returns whether it
    has seen to it. ``obey`` is told the last ``set`` of those that are read at once, and a
    time before it came; None for who takes none.
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
        #: Opened and greeted; None while there is none.
        self.connection: Optional[Connection] = None
        #: Whether there has been one.
        self.was_connected = False
        #: Number of the last question that was answered on it.
        self.applied = 0
        self._connected_at = 0.0
        self._retry_at = 0.0
        #: The same where somebody waits.
        self._urgent_at = 0.0
        self._look_at = 0.0
        #: When all was read that had arrived: what is read now has come later.
        self._heard_at = 0.0
        #: Short connections in a row, all by the same socket file.
        self._short = 0
        self._short_inode: Any = None

    def look(self, urgent: bool) -> None:
        """Hear what has come, or connect, if it is time to; ``urgent``: somebody waits for it.

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
        """Take in what the collector says. Raises OSError when the connection is lost."""
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
        """Give the connection up for ``error``: an OSError is its own, all others are ours.

        First it is heard what the collector said last: it may say why.
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
        """Close the connection, if there is one. In a forked child the parent's lives on."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def _connect(self, urgent: bool) -> None:
        now, is_absent = Native.monotonic(), True
        for address in self._addresses():
            connection = self.connection = Connection(address)
            try:
                connection.open()
            except (OSError, ValueError) as error:  # ValueError: no name of a host
                self.close()
                self._retry_at = now + (TCP_RETRY if address.host else 0.0)
                is_absent &= isinstance(error, (ConnectionRefusedError, FileNotFoundError))
                missed = now - self._session.started >= GRACE or urgent
                if missed and address not in _absent:
                    _absent.add(address)
                    self._log_once("connect", ABSENT, address, explain(error, address))
            else:
                self._connected_at = self._look_at = self._heard_at = now
                self.applied = 0
                self.was_connected = True
                connection.send(encode(self._session.hello(over_tcp=bool(address.host))))
                return
        if is_absent:  # whoever listens next was started anew
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
            if code == "not_saved":  # the bye was heard, and is not worth another connection
                self.was_connected = False
            self._hang_up(is_refused=True)

    def _hang_up(self, is_ours: bool = False, is_refused: bool = False) -> None:
        """Close, and try again at once, or later the more short connections there were."""
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
        # All plugins of a node may be hung up on at once; they don't come back at once.
        doubled = 2 ** min(self._short, 10) * (0.75 + Native.urandom(1)[0] / 512)
        self._short += 1
        if self._short == DEFAULT_SHORT_TOLD and not is_ours and not is_refused:
            self._log_once("short", SHORT, address, self._short, DEFAULT_REFUSED_RETRY)
        pause = DEFAULT_REFUSED_RETRY if is_refused else self._interval * doubled
        self._retry_at = max(self._retry_at, now + min(pause, DEFAULT_REFUSED_RETRY))
        self._urgent_at = now + min(DEFAULT_URGENT_RETRY * doubled, DEFAULT_REFUSED_RETRY)
