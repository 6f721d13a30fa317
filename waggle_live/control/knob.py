"""One knob: its value, where that comes from, and until when."""

import threading
from typing import Any, Callable, Dict, Optional, Tuple

from ..native import Native
from ..wire.errors import LiveMetricsError
from ..wire.knobs import DEFAULT, PINNED, SET, Declaration, Lease, Value

#: Longest text in characters that says why a value was refused.
MAX_ERROR = 300
#: The environment variable by which an operator pins knobs.
PINS_VARIABLE = "WAGGLE_LIVE_KNOBS"


class KnobState:
    """The state of a knob. ``current`` may be read anywhere; all else is changed by Knobs alone.

    ``pin`` is the value that the operator has fixed, None for none. ``owner`` is the Knobs that it
    belongs to.
    """

    __slots__ = (
        "_by_thread",
        "changes",
        "current",
        "declaration",
        "error",
        "lock",
        "owner",
        "pin",
        "revision",
        "slept",
        "until",
    )

    def __init__(self, declaration: Declaration, pin: Optional[Value], owner: Any) -> None:
        self.declaration = declaration
        self.pin = pin
        self.owner = owner
        #: Seconds slept for a limit, while this is one; see ``instruments.pace``.
        self.slept: Optional[float] = None
        #: What each thread saw last, a ``threading.local`` under 0. It is made at its first use: by
        #: then gevent or eventlet may have put one in its place that is by greenlet.
        self._by_thread: Dict[int, Any] = {}
        self.reset()

    def reset(self) -> None:
        """Start at the default or the pin, as nothing was ever set."""
        self.current: Value = self._initial()
        #: When the lease ends, by the monotonic clock; None without one.
        self.until: Optional[float] = None
        self.revision = 0
        self.error: Optional[str] = None
        self.changes = {SET: 0, DEFAULT: 0}
        #: Of its limits. A new one, for a thread that a forked child hasn't got may have held it.
        self.lock = Native.RLock()
        if self.slept is not None:
            self.slept = 0.0

    def _initial(self) -> Value:
        return self.declaration.default if self.pin is None else self.pin

    @property
    def source(self) -> str:
        """Where the value comes from: ``default``, ``set`` or ``pinned``."""
        if self.pin is not None:
            return PINNED
        return DEFAULT if self.until is None else SET

    def take(self, lease: Lease, until: float) -> None:
        """Take a lease that ends at the monotonic time ``until``, or refuse it."""
        try:
            value = self.declaration.check(lease.value)
        except LiveMetricsError as error:
            self.refuse(lease, str(error)[:MAX_ERROR])
            return
        if self.pin is not None:
            self.refuse(lease, "pinned by %s" % PINS_VARIABLE)
            return
        self.revision, self.error = lease.revision, None
        if until > Native.monotonic():
            self.error = self._change(value, SET)
            self.until = until if self.error is None else None
        else:
            self.release()

    def refuse(self, lease: Lease, why: str) -> None:
        """Say why a lease isn't taken; the value from before goes on, until its own end."""
        self.revision, self.error = lease.revision, why

    def release(self) -> None:
        """Go back to the default, if there is a lease."""
        if self.until is not None:
            self.until = None
            self._change(self.declaration.default, DEFAULT)

    def _change(self, value: Value, source: str) -> Optional[str]:
        """Put a value in place; return why that can't be, and leave the default in place then."""
        if value == self.current:
            return None
        why = self.apply(value)
        if why is not None:
            value, source = self.declaration.default, DEFAULT
        if value != self.current:
            self.changes[source] += 1
            self.current = value
        return why

    def apply(self, value: Value) -> Optional[str]:
        """Do what a new value asks for; return why that can't be done."""

    def count_sleep(self) -> None:
        """Tell from now on how long its limit has slept."""
        if self.slept is None:
            self.slept = 0.0
            self.owner.is_paced = True

    def report(self) -> Tuple[Any, ...]:
        """Return what a change of is worth a message at once."""
        return self.current, self.source, self.revision, self.error

    def entry(self) -> Dict[str, Any]:
        """Return this knob as it stands in a message ``knobs``."""
        entry = self.declaration.fields()
        entry.update(value=self.current, source=self.source, revision=self.revision)
        entry["changes"] = dict(self.changes)
        if self.error is not None:
            entry["error"] = self.error
        if self.slept is not None:
            entry["slept"] = round(self.slept, 6)
        return entry

    def has_changed(self) -> bool:
        """Tell whether the value differs from what this thread saw last; True at first."""
        by_thread = self._by_thread.get(0)
        if by_thread is None:
            by_thread = self._by_thread.setdefault(0, threading.local())
        current = self.current
        seen = by_thread.__dict__.get("seen")
        by_thread.seen = current
        return bool(seen != current)


class ProfileKnob(KnobState):
    """The reserved knob ``__profile``, whose value a profiler follows at once."""

    __slots__ = ()

    def apply(self, value: Value) -> Optional[str]:
        """Have the profiler sample so often."""
        set_rate: Callable[[int], Optional[str]] = self.owner.owner.set_rate
        why = set_rate(int(value))
        if why is not None:
            set_rate(0)
        return why
