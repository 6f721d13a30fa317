"""The knobs of one reporter: declared by the author, set by leases, pinned by the operator."""

from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence

from ..logs import LogOnce, printable
from ..native import Native
from ..wire.errors import InvalidMetric, LiveMetricsError
from ..wire.knobs import MAX_KNOBS, PROFILE_KNOB, Declaration, Lease, Value
from .expiry import Expiry
from .knob import PINS_VARIABLE, Knob, ProfileKnob

#: ``off``: this process takes no orders, and reports no knobs.
CONTROL_VARIABLE = "WAGGLE_LIVE_CONTROL"
_BOOLS = {"true": True, "1": True, "false": False, "0": False}


class Knobs:
    """Makes and keeps the knobs of a process. Thread-safe; reading a value uses none of this.

    ``begin`` begins the session; None if there is none. ``owner.set_rate(hz)`` sets a profiler's
    rate, and returns why it can't. Pickled as the ``knobs`` of its ``owner``.
    """

    def __init__(
        self,
        *,
        begin: Optional[Callable[[], None]],
        owner: Any,
        environ: Mapping[str, str],
    ) -> None:
        self._begin = begin
        self.owner = owner
        self._log_once = LogOnce()
        self._lock = Native.RLock()
        self._expiry = Expiry(self.expire)
        #: Whether a controller may set anything here.
        self.is_controlled = self._read_control(environ.get(CONTROL_VARIABLE, ""))
        self._pins = self._read_pins(environ.get(PINS_VARIABLE, ""))
        self.profile = ProfileKnob(PROFILE_KNOB, self._pin(PROFILE_KNOB), self)
        self._by_name: Dict[str, Knob[Any]] = {}
        #: Knobs made by ``waggle-live run``. An author's knob replaces the one of its name, or any
        #: if there are too many.
        self._automatic: Dict[str, Knob[Any]] = {}
        #: Whether any of them is the limit of a pace.
        self.is_paced = False
        #: Rises with each change that is worth a message.
        self.version = 0

    def __reduce__(self) -> Any:
        return getattr, (self.owner, "knobs")

    def get(self, declaration: Declaration) -> Any:
        """Return the knob of that declaration, made at the first call.

        Raises InvalidMetric for another declaration of its name, or for one knob too many.
        """
        name = declaration.name
        known = self._by_name.get(name)
        if known is None:
            pin = self._pin(declaration)  # logs a bad one, so outside of the lock
            with self._lock:
                if name not in self._by_name and len(self._by_name) >= MAX_KNOBS:
                    text = "at most %d knobs a process, %r is one too many"
                    raise InvalidMetric(text % (MAX_KNOBS, name))
                self.version += 1  # first: a signal handler may raise in between
                known = self._by_name.setdefault(name, Knob(declaration, pin, self))
                for other in [name, *self._automatic]:
                    if other == name or self._count() > MAX_KNOBS:
                        replaced = self._automatic.pop(other, None)
                        if replaced is not None:
                            replaced.release()
        if known.declaration != declaration:
            raise InvalidMetric(
                "knob %r is declared already, as %s; this is another declaration: %s"
                % (name, _shown(known.declaration), _shown(declaration))
            )
        self.begin()
        return known

    def automatic(self, declaration: Declaration) -> Optional[Knob[Any]]:
        """Return a knob that ``waggle-live run`` makes. None if it must not.

        That is so if the author uses the name, or there are too many.
        """
        name = declaration.name
        if name in self._automatic:
            return self._automatic.get(name)
        pin = self._pin(declaration)
        with self._lock:
            is_full = self._count() >= MAX_KNOBS
            if name not in self._automatic and name not in self._by_name and not is_full:
                self.version += 1
                self._automatic.setdefault(name, Knob(declaration, pin, self))
            return self._automatic.get(name)

    def begin(self) -> None:
        """Begin the session, if it hasn't begun."""
        if self._begin is not None:
            self._begin()

    def take(self, leases: Sequence[Lease], since: float) -> None:
        """Replace all leases by these. A knob that is left out goes back to its default.

        Their seconds count from the monotonic time ``since``.
        """
        named = {lease.name: lease for lease in leases}
        with self._watched():
            is_watched = not named or self._expiry.watch()
            for knob in self._all():
                lease = named.get(knob.declaration.name)
                if lease is None:
                    knob.error = None
                    knob.release()
                elif not is_watched:
                    knob.refuse(lease, "no thread can be started to end the lease")
                else:
                    knob.take(lease, since + lease.seconds)

    def expire(self) -> Optional[float]:
        """End the leases whose time is over. Returns the monotonic time at which the next one ends.

        Returns None if there is none; the thread that calls this then ends.
        """
        with self._watched():
            now = Native.monotonic()
            for knob in self._all():
                if knob.until is not None and knob.until <= now:
                    knob.release()
            ends = [knob.until for knob in self._all() if knob.until is not None]
            if not ends:
                self._expiry.has_ended()
            return min(ends) if ends else None

    def entries(self) -> List[Dict[str, Any]]:
        """Return the entries of all knobs, the reserved one among them."""
        with self._lock:
            return [knob.entry() for knob in self._all()]

    def slept(self) -> float:
        """Return the seconds slept for all limits."""
        return sum(knob.slept or 0.0 for knob in self._all())

    def end(self) -> None:
        """End all leases, with the session. The next session starts anew."""
        with self._watched():
            for knob in self._all():
                knob.release()
                knob.reset()

    def after_fork(self) -> None:
        """Start at the defaults in a forked child, which has neither thread nor session."""
        self._lock = Native.RLock()
        self._expiry = Expiry(self.expire)
        for knob in self._all():
            knob.reset()
        self.version += 1

    def _count(self) -> int:
        return len(self._by_name) + len(self._automatic)

    def _all(self) -> List[Knob[Any]]:
        return [self.profile, *list(self._by_name.values()), *list(self._automatic.values())]

    @contextmanager
    def _watched(self) -> "Iterator[None]":
        """Hold the lock, and note whether anything changed that is worth a message."""
        with self._lock:
            before = [knob.report() for knob in self._all()]
            try:
                yield
            finally:
                if before != [knob.report() for knob in self._all()]:
                    self.version += 1

    def _read_control(self, text: str) -> bool:
        if text not in ("", "on", "off"):
            self._log_once(
                "control",
                "%s must be on or off, got %s; no orders are taken",
                CONTROL_VARIABLE,
                printable(text),
            )
        return text in ("", "on")

    def _read_pins(self, text: str) -> Dict[str, str]:
        pins = {}
        for part in filter(str.strip, text.split(",")):
            name, is_set, value = part.partition("=")
            if not is_set:
                self._log_once(
                    ("pin", part),
                    "%s must be name=value, with commas between them, got %s: it pins nothing",
                    PINS_VARIABLE,
                    printable(part),
                )
            else:
                pins[name.strip()] = value.strip()
        return pins

    def _pin(self, declaration: Declaration) -> Optional[Value]:
        text = self._pins.get(declaration.name)
        if text is None:
            return None
        try:
            if declaration is PROFILE_KNOB and text != "0":
                raise ValueError("it can be pinned at 0; WAGGLE_LIVE_PROFILE says how often else")
            return declaration.check(_parse(text, declaration.type))
        except (LiveMetricsError, ValueError) as error:
            self._log_once(
                ("pin", declaration.name),
                "%s pins nothing of knob %r: %s",
                PINS_VARIABLE,
                declaration.name,
                printable(str(error)),
            )
            return None


def _parse(text: str, kind: str) -> Value:
    """Return a text as a value of a knob's type. Raises ValueError."""
    try:
        if kind == "bool":
            return _BOOLS[text.lower()]
        if kind == "int":
            return int(text)
        return float(text) if kind == "float" else text
    except (KeyError, ValueError):
        right = "true or false" if kind == "bool" else "of type " + kind
        raise ValueError("its value must be %s, got %r" % (right, text)) from None


def _shown(declaration: Declaration) -> str:
    fields = declaration.fields()
    del fields["name"]
    return ", ".join("%s=%.200r" % item for item in fields.items())
