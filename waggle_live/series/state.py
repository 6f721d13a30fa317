"""Cells: the cumulative state of one series since its session began.

The application appends raw values to ``cell.buffer`` through ``cell.append``, which is the
buffer's own C method: atomic, without a lock. :meth:`Cell.fold` moves them into the state. It
takes a lock, but never waits for it, so that it can be called from the sender, from any
application thread, a signal handler or a GC callback: whoever finds it taken leaves the values
to the holder or to the next fold. Nothing is dropped, and a buffer is folded by whoever
fills it when the sender is starved (see :data:`FOLD_AT`).

A signal handler may raise anywhere in a fold. State and buffer change together, in one call into
C, so every value is in the one or in the other; and the lock is an RLock, which knows its owner,
so a thread takes back what an exception made it keep.
"""

import sys
import threading
from collections import Counter, deque
from math import fsum
from operator import setitem
from typing import Any, Dict, List, Optional, Tuple

from ..clock import monotonic, perf_counter_ns
from ..wire import histogram
from ..wire.protocol import COUNTER, GAUGE, OVERFLOW, RATE, TIMER, Labels, encode_number

#: Values in one buffer at which the appending side folds them itself (about 320 kB).
FOLD_AT = 8192

#: So many durations of a batch tell whether it is of a tight loop, where many are equal: then they
#: are counted instead of sorted, at half the cost.
SAMPLE = 256

#: The largest value of a counter, which stays there: a counter is finite.
MAX_VALUE = sys.float_info.max

Key = Tuple[str, str, Labels]


class Cell:
    """One series: kind, name, labels, buffer and state. Thread-safe as the module says."""

    __slots__ = (
        "append",
        "buffer",
        "changed",
        "kind",
        "labels",
        "lock",
        "name",
        "state",
        "touched",
    )

    #: The state of a series without values.
    empty: Tuple[Any, ...]

    def __init__(self, kind: str, name: str, labels: Labels = ()) -> None:
        self.kind = kind
        self.name = name
        self.labels = labels
        self.reset()

    def reset(self) -> None:
        """Start at zero, with a new buffer and a new lock: in a forked child, at a new session.

        The old buffer stays with the spans that were open at the fork: what they append counts
        in the parent only.
        """
        self.lock: Any = threading.RLock()
        #: One tuple, in a list so that it can change in one call with the buffer.
        self.state: List[Tuple[Any, ...]] = [self.empty]
        self.buffer: List[Any] = []
        self.append = self.buffer.append
        self.touched = monotonic()
        self.changed = True

    @property
    def has_values(self) -> bool:
        """Whether anything was recorded, folded or not."""
        return bool(self.buffer) or self.state[0] is not self.empty

    def fold(self) -> bool:
        """Fold the buffer into the state; False if somebody else is at it just now."""
        lock = self.lock
        if lock._is_owned() and not _take_back(lock):
            return False
        try:
            if not lock.acquire(False):
                return False
            buffer = self.buffer
            size = len(buffer)
            if size:
                self.touched = monotonic()
                self.changed = True
                self._fold(buffer[:size], self.state, (buffer, slice(size), ()))
        finally:
            # Not `if acquired`: an exception may come between acquiring and remembering it.
            try:
                lock.release()
            except RuntimeError as error:  # it is another thread's,
                if error.__traceback__ and error.__traceback__.tb_next:
                    raise  # unless a signal handler of the plugin's raised it, just here
        return True

    def take(self) -> Optional[Dict[str, Any]]:
        """Fold, and return the state as a cell of the wire; None if it is being folded."""
        lock = self.lock
        if not self.fold() or not lock.acquire(False):
            return None
        try:
            self.changed = False
            message: Dict[str, Any] = {"kind": self.kind}
            if self.name:
                message["name"] = self.name
            if self.labels:
                message["labels"] = dict(self.labels)
            message["age"] = round(max(0.0, monotonic() - self.touched), 6)
            message.update(self._message(*self.state[0]))
            return message
        finally:
            lock.release()

    def _fold(self, batch: List[Any], state: List[Tuple[Any, ...]], drain: "Change") -> None:
        """Fold ``batch`` into ``state``, and ``drain`` the buffer of it in the same call."""
        raise NotImplementedError

    def _message(self, *state: Any) -> Dict[str, Any]:
        """Return the fields of the wire's cell."""
        raise NotImplementedError


#: A list, a place in it, and what to put there.
Change = Tuple[List[Any], Any, Any]
_FOLDING = (Cell.fold.__code__, Cell.take.__code__)


def change_together(*changes: Change) -> None:
    """Make all ``changes`` in one call into C: no signal handler comes between two of them."""
    lists, places, contents = zip(*changes)
    deque(map(setitem, lists, places, contents), maxlen=0)


def _take_back(lock: Any) -> bool:
    """Release a lock of this thread that no fold of its own holds any more.

    False if one does: then we are in a signal handler, GC callback or ``__del__`` within it.
    """
    frame: Any = sys._getframe(2)
    if frame.f_code is Cell.take.__code__:
        frame = frame.f_back  # it folds before it takes the lock itself
    while frame is not None:
        if frame.f_code in _FOLDING:
            return False
        frame = frame.f_back
    while lock._is_owned():
        lock.release()
    return True


class TimerCell(Cell):
    """Durations in integer nanoseconds: count, sum, min, max, last, histogram, failures."""

    __slots__ = ("failed",)
    empty = (0, 0, 0, 0, 0, 0, {})

    def __init__(self, name: str, labels: Labels = ()) -> None:
        super().__init__(TIMER, name, labels)

    def reset(self) -> None:
        super().reset()
        # One entry per block that raised, appended before its duration, so that the fold
        # of the duration finds it.
        self.failed: List[None] = []

    def _fold(self, batch: List[int], state: List[Tuple[Any, ...]], drain: Change) -> None:
        last = max(0, batch[-1])
        count, total, low, high, _, failures, buckets = state[0]
        buckets = dict(buckets)
        counted: Dict[int, int] = {}
        if len(set(batch[:SAMPLE])) * 2 <= min(len(batch), SAMPLE):
            counted = Counter(batch)
        # Before Python 3.10 two threads may confuse the starts of one kept timer (counted as
        # unmatched_stop); what comes of it must not make the collector refuse the cell.
        if counted and len(counted) * 4 <= len(batch) and min(counted) >= 0:
            lowest, highest = min(counted), max(counted)
            added = sum([duration * times for duration, times in counted.items()])
            histogram.add_counted(counted, buckets)
        else:
            batch.sort()
            if batch[0] < 0:
                batch = [max(0, duration) for duration in batch]
            lowest, highest, added = batch[0], batch[-1], sum(batch)
            histogram.add(batch, buckets)
        low = min(low, lowest) if count else lowest
        high = max(high, highest)
        failed = self.failed
        raised = len(failed)
        count, total, failures = count + len(batch), total + added, failures + raised
        new = (count, total, low, high, last, failures, buckets)
        change_together((state, 0, new), drain, (failed, slice(raised), ()))

    def _message(self, *state: Any) -> Dict[str, Any]:
        count, total, low, high, last, failures, buckets = state
        message: Dict[str, Any] = {"count": count, "sum": total, "failures": failures}
        if count:
            message.update(min=low, max=high, last=last, buckets=sorted(buckets.items()))
        return message


class RateCell(Cell):
    """Events: their count and the time between the last two; of blocks also their time.

    ``buffer`` holds clock readings of ticks or durations of blocks, both in nanoseconds.
    """

    __slots__ = ("blocks",)
    empty = (0, 0, None, None)  # count, sum, last, the last tick's clock

    def __init__(self, name: str, labels: Labels = ()) -> None:
        self.blocks = False
        super().__init__(RATE, name, labels)

    def _fold(self, batch: List[int], state: List[Tuple[Any, ...]], drain: Change) -> None:
        count, total, last, previous = state[0]
        if self.blocks:
            total += sum(batch if min(batch) >= 0 else [max(0, duration) for duration in batch])
            last = max(0, batch[-1])
        else:
            before = batch[-2] if len(batch) > 1 else previous
            previous = batch[-1]
            if before is not None:
                # Two threads may append their readings the wrong way round.
                last = abs(previous - before)
        change_together((state, 0, (count + len(batch), total, last, previous)), drain)

    def _message(self, *state: Any) -> Dict[str, Any]:
        count, total, last, _ = state
        message: Dict[str, Any] = {"count": count}
        if self.blocks:
            message["sum"] = total
        # The overflow series mixes the events of many: no two of them belong together.
        if last is not None and self.name != OVERFLOW:
            message["last"] = last
        return message


class CounterCell(Cell):
    """A sum of increments. With another ``kind`` it also counts messages, uploads and problems."""

    __slots__ = ()
    empty = (0,)

    def __init__(self, name: str, labels: Labels = (), kind: str = COUNTER) -> None:
        super().__init__(kind, name, labels)

    def count(self) -> None:
        """Add 1; also while nothing is sent, in bounded memory."""
        self.append(1)
        if len(self.buffer) > FOLD_AT:
            self.fold()

    def _fold(self, batch: List[Any], state: List[Tuple[Any, ...]], drain: Change) -> None:
        value = state[0][0]
        try:
            # Integers stay exact; floats are added with one rounding a batch.
            added = sum(batch)
            value = value + added if isinstance(added, int) else fsum([value, *batch])
        except OverflowError:
            value = MAX_VALUE
        change_together((state, 0, (min(value, MAX_VALUE),)), drain)

    def _message(self, *state: Any) -> Dict[str, Any]:
        return {"value": state[0]}


class GaugeCell(Cell):
    """The newest value. ``buffer`` holds ``(clock, value)`` of a set, ``(clock, delta, True)``
    of an inc or dec, in the order of the calls."""

    __slots__ = ("function",)
    # Before its first set a gauge has the value 0, as in prometheus_client, and the age of the
    # clock, so that a value that was set, by whatever process of the plugin, is the newer.
    empty = (0.0, 0)

    def __init__(self, name: str, labels: Labels = ()) -> None:
        self.function: Any = None
        super().__init__(GAUGE, name, labels)

    def _fold(self, batch: List[Any], state: List[Tuple[Any, ...]], drain: Change) -> None:
        first = len(batch) - 1
        while first and len(batch[first]) > 2:
            first -= 1
        value = state[0][0]
        for entry in batch[first:]:
            value = value + entry[1] if len(entry) > 2 else entry[1]
        change_together((state, 0, (value, batch[-1][0])), drain)

    def _message(self, *state: Any) -> Dict[str, Any]:
        value, clock = state
        age = max(0.0, (perf_counter_ns() - clock) / 1e9)
        return {"value": encode_number(value), "age": round(age, 6)}
