"""What a session reports of its knobs to the collector, and the orders it gets."""

from typing import Any, Dict, List, Mapping, Optional

from ..logs import LogOnce
from ..native import Native
from ..wire.errors import ProtocolError
from ..wire.knobs import decode_set
from ..wire.protocol import encode
from ..wire.stacks import Times, encode_stacks
from .knobs import Knobs

#: Seconds between two ``set`` that are taken. Our collector allows one change per second. This
#: limits what any other one can make a plugin do.
DEFAULT_TAKE_SECONDS = 0.1
#: Seconds between messages with only the sleep of a limit, and between those of stacks.
DEFAULT_SLEPT_SECONDS, DEFAULT_STACKS_SECONDS = 1.0, 1.0


class NoOrders:
    """The orders of a session that takes none."""

    is_on = False

    def hear(self, message: Mapping[str, Any], since: float) -> None:
        """Ignore a message ``set``."""

    def tell(self, connection: Any, is_last: bool) -> None:
        """Do nothing: there is nothing to report."""

    def end(self) -> None:
        """Do nothing: there is nothing to end."""


NO_ORDERS = NoOrders()


class Orders(NoOrders):
    """Takes orders and reports the knobs. Used by the sender's thread alone.

    ``profiler`` collects folded stacks for the ``owner``, as ``reporter.profiler.Profiler`` says.
    """

    def __init__(self, knobs: Knobs, profiler: Any, owner: Any) -> None:
        self._knobs = knobs
        #: Whether this process takes orders.
        self.is_on = knobs.is_controlled
        self._profiler = profiler
        self._owner = owner
        self._log_once = LogOnce()
        #: The newest ``set`` that was received and not taken yet.
        self._heard: Optional[Mapping[str, Any]] = None
        self._heard_since = 0.0
        self._take_at = 0.0
        self._are_stacks_wanted = False
        #: The revision of the collection of stacks, 0 while there is none; what of it was sent.
        self._collecting = 0
        self._told: Dict[str, Times] = {}
        self._told_at = 0.0
        #: What of the knobs was sent, on which connection and when.
        self._told_on: Any = None
        self._version = -1
        self._slept = 0.0
        self._slept_at = 0.0
        self._number = self._stacks_number = 0

    def hear(self, message: Mapping[str, Any], since: float) -> None:
        """Keep a message ``set`` until it is taken. A newer one replaces it.

        ``since``: a monotonic time before it arrived, from which its leases count. If this process
        was stopped, the message may have waited in the socket for longer than they last.
        """
        self._heard, self._heard_since = message, since

    def tell(self, connection: Any, is_last: bool) -> None:
        """Take the waiting ``set``, and send the state of the knobs; on a new connection always.

        ``connection`` None: there is none. ``is_last``: the session sends nothing after this.
        Raises OSError.
        """
        knobs = self._knobs
        if (
            connection is self._told_on
            and knobs.version == self._version
            and self._heard is None
            and not self._collecting
            and not knobs.is_paced
        ):
            return  # the usual case
        if not self.is_on or connection is None or not connection.is_clear:
            return
        try:
            lines = self._lines(connection is not self._told_on, is_last)
        except Exception as error:
            self._log_once.fault(
                error, "the state of the knobs can't be sent because of an internal error"
            )
            return
        self._told_on = connection
        for line in lines:
            connection.send(line)

    def end(self) -> None:
        """End all that was ordered, with the session."""
        if self._collecting:
            self._collecting = 0
            self._profiler.collect(self._owner, False)
        self._knobs.end()

    def _lines(self, everything: bool, is_last: bool) -> List[bytes]:
        now = Native.monotonic()
        if everything:
            self._heard = None  # it came on another connection, perhaps from another collector
        self._take(now)
        lines = self._stack_lines(everything, is_last, now)
        version, slept = self._knobs.version, self._knobs.slept()
        has_slept = slept != self._slept and (is_last or now >= self._slept_at)
        if everything or version != self._version or has_slept:
            self._version, self._slept = version, slept
            self._slept_at = now + DEFAULT_SLEPT_SECONDS
            self._number += 1
            message = {"type": "knobs", "number": self._number, "knobs": self._knobs.entries()}
            lines.append(encode(message))
        return lines

    def _take(self, now: float) -> None:
        if self._heard is None or now < self._take_at:
            return
        heard, self._heard = self._heard, None
        self._take_at = now + DEFAULT_TAKE_SECONDS
        try:
            leases, self._are_stacks_wanted = decode_set(heard)
        except ProtocolError as error:
            self._log_once("set", "the collector sets knobs by no valid message: %s", error)
            return
        self._knobs.take(leases, self._heard_since)

    def _stack_lines(self, everything: bool, is_last: bool, now: float) -> List[bytes]:
        profile = self._knobs.profile
        is_wanted = self._are_stacks_wanted and bool(profile.current) and not is_last
        wanted = profile.revision if is_wanted else 0
        lines: List[bytes] = []
        if everything:
            self._told = {}
        if self._collecting and (wanted != self._collecting or now >= self._told_at or everything):
            lines = self._changed_stacks()
            self._told_at = now + DEFAULT_STACKS_SECONDS
        if wanted != self._collecting:
            if self._collecting:
                self._profiler.collect(self._owner, False)
            self._collecting, self._told = wanted, {}
            self._told_at = now + DEFAULT_STACKS_SECONDS
            if wanted:
                self._profiler.collect(self._owner, True)
        return lines

    def _changed_stacks(self) -> List[bytes]:
        stacks: Mapping[str, Times] = self._profiler.stacks(self._owner)
        changed = {each: times for each, times in stacks.items() if self._told.get(each) != times}
        self._told.update(changed)
        lines = []
        for number, line in encode_stacks(changed, self._stacks_number + 1, self._collecting):
            self._stacks_number = number
            lines.append(line)
        return lines
