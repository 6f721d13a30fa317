"""One knob: a value that a controller may set for a while, its source, and until when."""

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Callable, Dict, Generic, Optional, Tuple, TypeVar

from ..native import ByThread, Native
from ..wire.errors import LiveMetricsError
from ..wire.knobs import DEFAULT, MAX_ERROR, PINNED, SET, Declaration, Lease, Value

#: The environment variable by which an operator pins knobs.
PINS_VARIABLE = "WAGGLE_LIVE_KNOBS"

#: The type of a knob's values.
T = TypeVar("T", bool, int, float, str)


class Knob(Generic[T]):
    """A value of the author's program that a controller may set within declared bounds.

    Thread-safe; never blocks, never raises. Without a collector or a controller, and after the
    lease of a set value has ended, the value is the default. A copy is the same knob. Unpickled in
    another process, it is that process's knob. A forked child starts at the default.
    """

    # Only Knobs, its owner, changes it. ``pin``: the value that the operator has fixed, or None.
    __slots__ = (
        "_by_thread",
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
        #: Seconds slept for a limit, if this is one; see ``instruments.pace``.
        self.slept: Optional[float] = None
        #: What each thread saw last.
        self._by_thread = ByThread()
        self.reset()

    if TYPE_CHECKING:

        @property
        def value(self) -> T:
            """The value to use now, of the declared type.

            It may change at any moment. Keep it in a variable if one piece of work must use one
            value.
            """

    else:  # in C: a function of ours would take twice as long
        value = property(attrgetter("current"), doc="The value to use now.")

    @property
    def name(self) -> str:
        """The name that it was declared under."""
        return self.declaration.name

    def changed(self) -> bool:
        """Tell whether the value differs from that at this thread's last call.

        True at the first call, so ``if model.changed(): net = load(model.value)`` also loads the
        first one.
        """
        self.owner.begin()  # a forked child's session may not have begun yet
        here, current = self._by_thread.here(), self.current
        seen = here.get("seen")
        here["seen"] = current
        return bool(seen != current)

    def __reduce__(self) -> Tuple[Any, ...]:
        return _found, (self.owner, self.declaration)

    def __repr__(self) -> str:
        return "Knob(%r, value=%r, source=%r)" % (self.name, self.current, self.source)

    def reset(self) -> None:
        """Start at the pin or the default, as if nothing was ever set."""
        self.current: Value = self._initial()
        #: When the lease ends, by the monotonic clock; None without one.
        self.until: Optional[float] = None
        self.revision = 0
        self.error: Optional[str] = None
        #: The lock of its limits. A new one: a thread that is missing after a fork may have held
        #: it.
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
            self.error = self._change(value)
            self.until = until if self.error is None else None
        else:
            self.release()

    def refuse(self, lease: Lease, why: str) -> None:
        """Say why a lease isn't taken. The earlier value goes on, until its own end."""
        self.revision, self.error = lease.revision, why

    def release(self) -> None:
        """Go back to the default, if there is a lease."""
        if self.until is not None:
            self.until = None
            self._change(self.declaration.default)

    def _change(self, value: Value) -> Optional[str]:
        """Put a value in place. If that is impossible, return why and stay at the default."""
        if value == self.current:
            return None
        why = self.apply(value)
        if why is not None:
            value = self.declaration.default
        self.current = value
        return why

    def apply(self, value: Value) -> Optional[str]:
        """Do what a new value asks for. Returns why that is impossible, else None."""

    def count_sleep(self) -> None:
        """Report from now on how long its limit has slept."""
        if self.slept is None:
            self.slept = 0.0
            self.owner.is_paced = True

    def report(self) -> Tuple[Any, ...]:
        """Return what is worth a message at once if it changes."""
        return self.current, self.source, self.revision, self.error

    def entry(self) -> Dict[str, Any]:
        """Return this knob's entry in a message ``knobs``."""
        entry = self.declaration.fields()
        entry.update(value=self.current, source=self.source, revision=self.revision)
        if self.error is not None:
            entry["error"] = self.error
        if self.slept is not None:
            entry["slept"] = round(self.slept, 6)
        return entry


class ProfileKnob(Knob[int]):
    """The reserved knob ``__profile``. A profiler follows its value at once."""

    __slots__ = ()

    def apply(self, value: Value) -> Optional[str]:
        """Have the profiler sample at this rate. Returns why that is impossible, else None."""
        set_rate: Callable[[int], Optional[str]] = self.owner.owner.set_rate
        why = set_rate(int(value))
        if why is not None:
            set_rate(0)
        return why


def _found(owner: Any, declaration: Any) -> Any:
    return owner.get(declaration)
