"""The state of a series: its cumulative values since the session began.

The application appends raw values to ``state.buffer`` through ``state.append``, which is the
buffer's own C method: atomic, without a lock. :meth:`SeriesState.fold` adds them to what was
folded before. It claims the state, but never waits for that, so it may be called from the sender,
from any application thread, a signal handler or a GC callback: a caller that finds the state
claimed leaves the values to the holder or to the next fold. Nothing is dropped. If the sender is
starved, the appending side folds (see :data:`FOLD_AT`).

A signal handler may raise anywhere in a fold. The buffer and what was folded change together, in
one call into C, so every value is in one of the two.
"""

from collections import deque
from operator import setitem
from typing import Any, Callable, Dict, List, Optional, Tuple

from ..claim import Claim, Owner
from ..native import Native
from ..wire.protocol import Labels, encode_cell

#: Values in one buffer at which the appending side folds them itself (about 320 kB).
FOLD_AT = 8192

#: Largest whole number that the wire takes; a count or sum that is larger is told as this.
MAX_WHOLE = 2**63 - 1

#: What was folded so far: one tuple, in a list so that it can change in one call with the buffer.
Folded = List[Tuple[Any, ...]]
#: A list, a place in it, and what to put there.
Change = Tuple[List[Any], Any, Any]
#: Records a value that was taken before.
Record = Callable[[], None]


class SeriesState:
    """One series: kind, name, labels, buffer and what was folded. Thread-safe as the module says.

    Each kind is a subclass in a module of its own. On the wire a state is a *cell*.
    """

    # Found sooner than in a __dict__, on Python 3.6. What the kinds add is not used as often.
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

    #: Of the wire's kinds of cells.
    kind: str
    #: What is folded of a series without values.
    empty: Tuple[Any, ...]
    #: Where another process finds the series again; None for what no instrument holds.
    registry: Any = None
    #: Asks a function for a value and returns what records it (see ``Gauge.set_function``).
    sample: Optional[Callable[[], Record]] = None

    def __init__(
        self, name: str, labels: Labels = (), begin: Optional[Callable[[], None]] = None
    ) -> None:
        self.name = name
        self.labels = labels
        #: Called with each new buffer, for an instrument that keeps it in closures: with True after
        #: a reset, when what was open belongs to another process.
        self.on_change: Optional[Callable[[bool], None]] = None
        #: Called after the first value since a reset, with no branch for it in what records values.
        self.begin = begin
        #: The text of a cell that never changes: its beginning.
        self.head = _head(self.kind, name, labels)
        self.reset()

    @property
    def key(self) -> Tuple[str, str, Labels]:
        """What the series is found by."""
        return self.kind, self.name, self.labels

    def __reduce__(self) -> Tuple[Any, ...]:
        return self.registry.state_of, self.key

    def reset(self) -> None:
        """Start at zero, with a new buffer and a new claim: in a forked child.

        The old buffer stays with the spans that were open at the fork: what they append counts
        in the parent only.
        """
        self.claim = Claim()
        self.folded: Folded = [self.empty]
        #: The series that tells its values in this session, where the collector has no room for
        #: this one: the overflow of its kind. None if it has a cell of its own.
        self.into: Optional[SeriesState] = None
        #: What was recorded and is not folded yet.
        self.values: List[Any] = []
        #: Stands in for it until a session's first value comes; None where nobody waits for one.
        self.first = None if self.begin is None else _FirstBuffer(self)
        self.touched = Native.monotonic()
        self.changed = True
        self.use(self.values if self.first is None else self.first, anew=True)

    def use(self, buffer: List[Any], anew: bool) -> None:
        """Record into another buffer from now on; ``anew`` after a reset."""
        self.buffer = buffer
        self.append = buffer.append
        if self.on_change is not None:
            self.on_change(anew)

    def is_current(self, buffer: Any) -> bool:
        """Whether ``buffer`` is of this process, and not of one that this was forked from."""
        return buffer is self.values or buffer is self.first

    @property
    def recorded_at(self) -> float:
        """When the last value was recorded, as far as is known; 0 where none was."""
        if self.values:
            return Native.monotonic()
        return 0.0 if self.folded[0] is self.empty else self.touched

    def fold(self) -> bool:
        """Fold the buffer; False if another fold is running just now."""
        owner = Owner()
        try:
            if not self.claim.take(owner):
                return False
            self._fold_all()
            return True
        finally:
            owner.is_done = True

    def take(self) -> Optional[str]:
        """Fold, and return the text of a cell of the wire; None if it is being folded.

        The text of a series that another one tells is empty.
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

        No value is in both, and none in neither. For the sender's thread alone: it waits, at most
        ``timeout`` seconds, for a fold that is running. None if that takes longer, and of a series
        that another one tells, which is ended after it.
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
        """Add what was folded to another series, and begin at zero; False if that one is claimed.

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
        """Return what is folded of two series of this kind together."""
        raise NotImplementedError

    def _cell(self) -> str:
        # As text from the start: a dict for an encoder takes twice as long.
        age = ',"age":%.6f,' % max(0.0, self._age())
        return self.head + age + self._fields(*self.folded[0]) + "}"

    def _age(self) -> float:
        """Return the seconds since the state changed."""
        return Native.monotonic() - self.touched

    def _fold(self, batch: List[Any], folded: Folded, drain: Change) -> None:
        """Fold ``batch`` into ``folded``, and ``drain`` the buffer of it in the same call."""
        raise NotImplementedError

    def _fields(self, *folded: Any) -> str:
        """Return the text of the fields of the wire's cell that only this kind has."""
        raise NotImplementedError


class LastCell:
    """The last cell of a series in a session that ends; stands in for its state there."""

    values = ()

    def __init__(self, cell: str, changed: bool) -> None:
        self._cell = cell
        self.changed = changed

    def take(self) -> str:
        """Return the text of the cell."""
        self.changed = False
        return self._cell


class _FirstBuffer(list):  # type: ignore[type-arg]
    """The buffer of a series before a session's first value, which goes to the plain one.

    A span that was open meanwhile goes on using it. After a fork nobody reads it any more.
    """

    def __init__(self, state: SeriesState) -> None:
        super().__init__()
        self._state = state

    def append(self, value: Any) -> None:
        """Record the value, and say that it was the first."""
        state = self._state
        if state.first is not self or state.begin is None:
            return  # this is a forked child, and the value its parent's
        state.use(state.values, anew=False)  # any number of threads may come here at once
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
    """Make all ``changes`` in one call into C: no signal handler comes between two of them."""
    lists, places, contents = zip(*changes)
    deque(map(setitem, lists, places, contents), maxlen=0)
