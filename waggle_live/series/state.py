"""The state of a series: its cumulative values since the session began.

The application appends raw values to ``state.buffer`` through ``state.append``. That is the
buffer's own C method: atomic, without a lock. :meth:`SeriesState.fold` adds them to what was folded
before. It takes a claim on the state and never waits for it. So the sender, any application thread,
a signal handler or a GC callback may call it. A caller that finds the state claimed leaves the
values to the holder or to the next fold. Nothing is dropped. If the sender is starved, the
appending side folds (see :data:`FOLD_AT`).

A signal handler may raise anywhere in a fold. The buffer and the folded values change together, in
one call into C, so every value is in exactly one of them.
"""

from collections import deque
from operator import setitem
from typing import Any, Callable, Dict, List, Optional, Tuple

from ..claim import Claim, Owner
from ..native import Native
from ..wire.protocol import Labels, encode_cell

#: At so many values in one buffer the appending side folds them itself (about 320 kB).
FOLD_AT = 8192

#: The largest whole number that the wire takes. A larger count or sum is sent as this.
MAX_WHOLE = 2**63 - 1

#: The folded values: one tuple, in a list so that one call can change it with the buffer.
Folded = List[Tuple[Any, ...]]
#: A list, an index or slice of it, and what to put there.
Change = Tuple[List[Any], Any, Any]
#: Records a value that was taken before.
Record = Callable[[], None]


class SeriesState:
    """One series: kind, name, labels, buffer and folded values. Thread-safe, as the module says.

    Each kind is a subclass in a module of its own. On the wire a state is a *cell*.
    """

    # Slots are found faster than a __dict__ on Python 3.6. The kinds' own attributes are used less.
    __slots__ = (
        "append",
        "begin",
        "buffer",
        "changed",
        "claim",
        "first",
        "folded",
        "head",
        "into",
        "labels",
        "name",
        "on_change",
        "touched",
        "values",
    )

    #: The kind of its cells on the wire.
    kind: str
    #: The folded values of a series without values.
    empty: Tuple[Any, ...]
    #: Where another process finds the series again; None if no instrument holds it.
    registry: Any = None
    #: Calls a function for a value and returns what records it (see ``Gauge.set_function``).
    sample: Optional[Callable[[], Record]] = None

    def __init__(
        self, name: str, labels: Labels = (), begin: Optional[Callable[[], None]] = None
    ) -> None:
        self.name = name
        self.labels = labels
        #: Called with each new buffer, for an instrument that keeps it in closures. The argument is
        #: True after a reset, when open spans belong to another process.
        self.on_change: Optional[Callable[[bool], None]] = None
        #: Called after the first value since a reset. The hot path has no branch for it.
        self.begin = begin
        #: The beginning of a cell's text, which never changes.
        self.head = _head(self.kind, name, labels)
        self.reset()

    @property
    def key(self) -> Tuple[str, str, Labels]:
        """Kind, name and labels: what the series is found by."""
        return self.kind, self.name, self.labels

    def __reduce__(self) -> Tuple[Any, ...]:
        return self.registry.state_of, self.key

    def reset(self) -> None:
        """Start at zero, with a new buffer and a new claim, in a forked child.

        The old buffer stays with the spans that were open at the fork: they count in the parent
        only.
        """
        self.claim = Claim()
        self.folded: Folded = [self.empty]
        #: The overflow of its kind, which carries its values in this session if the collector has
        #: no room for this one. None if it has a cell of its own.
        self.into: Optional[SeriesState] = None
        #: Recorded values that are not folded yet.
        self.values: List[Any] = []
        #: Replaces it until a session's first value comes; None if nobody waits for one.
        self.first = None if self.begin is None else _FirstBuffer(self)
        self.touched = Native.monotonic()
        self.changed = True
        self.use(self.values if self.first is None else self.first, anew=True)

    def use(self, buffer: List[Any], anew: bool) -> None:
        """Record into another buffer from now on. ``anew``: this follows a reset."""
        self.buffer = buffer
        self.append = buffer.append
        if self.on_change is not None:
            self.on_change(anew)

    def is_current(self, buffer: Any) -> bool:
        """Tell whether ``buffer`` belongs to this process, and not to the parent before a fork."""
        return buffer is self.values or buffer is self.first

    @property
    def recorded_at(self) -> float:
        """The monotonic time of the last value, as far as is known; 0 if there is none."""
        if self.values:
            return Native.monotonic()
        return 0.0 if self.folded[0] is self.empty else self.touched

    def fold(self) -> bool:
        """Fold the buffer. Returns False if another fold is running now."""
        owner = Owner()
        try:
            if not self.claim.take(owner):
                return False
            self._fold_all()
            return True
        finally:
            owner.is_done = True

    def take(self) -> Optional[str]:
        """Fold, and return the text of a cell of the wire. None if it is being folded.

        The text is empty if another series carries the values.
        """
        owner = Owner()
        try:
            if not self.claim.take(owner):
                return None
            self._fold_all()
            if self.into is not None and not self._give(self.into, 0.0):
                return None
            self.changed = False
            return "" if self.into is not None else self._cell()
        finally:
            owner.is_done = True

    def end(self, timeout: float) -> "Optional[LastCell]":
        """Return the last cell of this session, and start the next at zero, without a value yet.

        Each value is in exactly one of the two. For the sender's thread only: it waits, at most
        ``timeout`` seconds, for a running fold. Returns None if that takes longer, or if another
        series, which is ended after it, carries the values.
        """
        owner = Owner()
        try:
            if not self.claim.wait(owner, timeout):
                return None
            self._fold_all()
            if self.into is not None:
                self._give(self.into, timeout)
                last, self.into = None, None
            else:
                last = LastCell(self._cell(), self.changed)
            self.folded = [self.empty]
            if self.first is not None:
                self.use(self.first, anew=False)
            return last
        finally:
            owner.is_done = True

    def _fold_all(self) -> None:
        values = self.values
        size = len(values)
        if size:
            self.touched = Native.monotonic()
            self.changed = True
            self._fold(values[:size], self.folded, (values, slice(size), ()))

    def _give(self, into: "SeriesState", timeout: float) -> bool:
        """Add the folded values to another series, and begin at zero. False if that one is claimed.

        The caller holds the claim of this one.
        """
        folded, owner = self.folded[0], Owner()
        if folded is self.empty:
            return True
        try:
            if not into.claim.wait(owner, timeout):
                return False
            both = self._add(into.folded[0], folded)
            change_together((into.folded, 0, both), (self.folded, 0, self.empty))
            into.touched, into.changed = max(into.touched, self.touched), True
            return True
        finally:
            owner.is_done = True

    def _add(self, one: Tuple[Any, ...], other: Tuple[Any, ...]) -> Tuple[Any, ...]:
        """Return the folded values of two series of this kind together."""
        raise NotImplementedError

    def _cell(self) -> str:
        # Text from the start: a dict for an encoder takes twice as long.
        age = ',"age":%.6f,' % max(0.0, self._age())
        return self.head + age + self._fields(*self.folded[0]) + "}"

    def _age(self) -> float:
        """Return the seconds since the state changed."""
        return Native.monotonic() - self.touched

    def _fold(self, batch: List[Any], folded: Folded, drain: Change) -> None:
        """Fold ``batch`` into ``folded``; the same call removes it from the buffer by ``drain``."""
        raise NotImplementedError

    def _fields(self, *folded: Any) -> str:
        """Return the text of the cell's fields that only this kind has."""
        raise NotImplementedError


class LastCell:
    """The last cell of a series in a session that ends. It replaces the state there."""

    values = ()

    def __init__(self, cell: str, changed: bool) -> None:
        self._cell = cell
        self.changed = changed

    def take(self) -> str:
        """Return the text of the cell."""
        self.changed = False
        return self._cell


class _FirstBuffer(list):  # type: ignore[type-arg]
    """The buffer of a series before a session's first value. It passes that on to the plain one.

    A span that was open meanwhile goes on using it. After a fork nothing reads it.
    """

    def __init__(self, state: SeriesState) -> None:
        super().__init__()
        self._state = state

    def append(self, value: Any) -> None:
        """Record the value, and report that it was the first."""
        state = self._state
        if state.first is not self or state.begin is None:
            return  # a forked child: the value is its parent's
        state.use(state.values, anew=False)  # several threads may come here at once
        state.values.append(value)
        state.begin()


def _head(kind: str, name: str, labels: Labels) -> str:
    cell: Dict[str, Any] = {"kind": kind}
    if name:
        cell["name"] = name
    if labels:
        cell["labels"] = dict(labels)
    return encode_cell(cell)[:-1]


def change_together(*changes: Change) -> None:
    """Make all ``changes`` in one call into C, so that no signal handler comes in between."""
    lists, places, contents = zip(*changes)
    deque(map(setitem, lists, places, contents), maxlen=0)
