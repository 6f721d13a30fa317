"""What a session says of its knobs to the collector, and hears."""

from typing import Any, Dict, List, Mapping, Optional

from ..logs import LogOnce
from ..native import Native
from ..wire.errors import ProtocolError
from ..wire.knobs import decode_set
from ..wire.protocol import encode
from ..wire.stacks import Times, encode_stacks
from .knobs import Knobs

#: Seconds between two ``set`` that are taken. The collector holds changes back to one a second;
#: this bounds what one that doesn't can make a plugin do.
DEFAULT_TAKE_SECONDS = 0.1
#: Seconds between messages that only tell how long a limit has slept, and between those of stacks.
DEFAULT_SLEPT_SECONDS, DEFAULT_STACKS_SECONDS = 1.0, 1.0


class NoOrders:
    """Stands for the orders of a session that takes none."""

    is_on = False

    def hear(self, message: Mapping[str, Any], since: float) -> None:
        """Pass a message ``set`` over."""

    def tell(self, connection: Any, is_last: bool) -> None:
        """Tell nothing."""

    def end(self) -> None:
        """End with the session."""


NO_ORDERS = NoOrders()


class Orders(NoOrders):
    """Used by the sender's thread alone. ``profiler`` collects folded stacks for the ``owner``, as
    ``reporter.profiler.Profiler`` says."""

    def __init__(self, knobs: Knobs, profiler: Any, owner: Any) -> None:
        self._knobs = knobs
        #: Whether this process takes orders.
        self.is_on = knobs.is_controlled
        self._profiler = profiler
        self._owner = owner
        self._log_once = LogOnce()
        #: The newest ``set`` that was heard and not taken yet.
        self._heard: Optional[Mapping[str, Any]] = None
        self._heard_since = 0.0
        self._take_at = 0.0
        self._are_stacks_wanted = False
        #: The revision of the collection of stacks, 0 while there is none; what of it was told.
        self._collecting = 0
        self._told: Dict[str, Times] = {}
        self._told_at = 0.0
        #: What of the knobs was told, on which connection and when.
        self._told_on: Any = None
        self._version = -1
        self._slept = 0.0
        self._slept_at = 0.0
        self._number = self._stacks_number = 0

    def hear(self, message: Mapping[str, Any], since: float) -> None:
        """Keep a message ``set`` until it is taken; a newer one takes its place.

        ``since``: a monotonic time before it came. Its leases are counted from there: it may have
        lain in the socket for longer than they last, if this process was stopped or held up.
        """
        self._heard, self._heard_since = message, since

    def tell(self, connection: Any, is_last: bool) -> None:
        """Take what was heard, and tell how the knobs stand, on a new connection in any case.

        None for no connection. ``is_last``: nothing more is told in this session. Raises OSError.
        """
        knobs = self._knobs
        if (
            connection is self._told_on
            and knobs.version == self._version
            and self._heard is None
            and not self._collecting
            and not knobs.is_paced
        ):
            return  # as at most ticks
        if not self.is_on or connection is None or not connection.is_clear:
            return
        try:
            lines = self._lines(connection is not self._told_on, is_last)
        except Exception as error:
            self._log_once.fault(error, "the knobs can't be told, for an error of ours")
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
            self._heard = None  # it came on another connection, perhaps of another collector
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
