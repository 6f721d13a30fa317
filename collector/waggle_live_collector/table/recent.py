"""The last ten seconds of one sum, in one-second slots of differences.

Cells on the wire are cumulative, so each update adds its difference to the one before. That goes
into the slot of the second in which it arrived. A late difference is spread over the seconds in
which it accrued, so a reconnect makes no burst. Slots are whole seconds of the collector's
monotonic clock. The window holds the sum of its slots, and subtracts a slot that leaves it. So
reading merges nothing. Past slots are packed into bytes.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from struct import Struct as Layout
from typing import Any

from msgspec import Struct, field

from ..messages import MAX_WHOLE
from .buckets import Buckets

WINDOW = 10
#: A difference that accrued in at most this many seconds goes whole into the current slot.
SHORT_GAP = 1.25
#: Seconds until an event has arrived: a client sends every 0.25 s.
MAX_LAG = 0.25
#: The shortest span of a rate in seconds, counted from the first event. Later half of it.
MIN_SPAN = 1.0

_NONE: Mapping[int, int] = {}
#: The buckets of all windows without durations. Never changed.
_EMPTY = Buckets()


class Slot(Struct, gc=False, eq=False):
    """The differences of one second, which began to accrue at the monotonic ``start``."""

    second: int
    start: float
    count: int = 0
    sum: int = 0
    buckets: Buckets = field(default_factory=lambda: _EMPTY)

    def took(self, other: Slot) -> bool:
        """Add another slot to this one. Return False if it is of another second or overflows.

        So there are no more slots than seconds, however often a long gap is spread.
        """
        if self.second != other.second or self.count + other.count > MAX_WHOLE:
            return False
        if self.sum + other.sum > MAX_WHOLE:
            return False
        self.count += other.count
        self.sum += other.sum
        if self.buckets is _EMPTY:
            self.buckets = other.buckets
        else:
            self.buckets.add_all(dict(other.buckets.items()))
        return True

    def packed(self) -> bytes:
        """Return the slot as bytes, see :data:`_LAYOUT`."""
        first, counts = self.buckets.first, self.buckets.counts
        try:
            code, data = b"B", bytes(counts.tolist())  # most counts of a second fit into a byte
            filled = data.lstrip(b"\0")
            first, data = first + len(data) - len(filled), filled.rstrip(b"\0")
        except ValueError:
            code, data = counts.typecode.encode(), counts.tobytes()
        head = self.second, self.start, self.count, self.sum, first, code, len(data)
        return _LAYOUT.pack(*head) + data


#: A packed slot: second, start, count, sum, index of the first bucket, type code of its counts, and
#: their bytes, which follow.
_LAYOUT = Layout("<idQQhcH")
_SECOND = Layout("<i")


def _unpack(slots: bytes, at: int) -> tuple[int, float, int, int, int, Sequence[int], int]:
    """Return the fields of the packed slot at the position ``at``, and the position of its end."""
    second, start, count, total, first, code, size = _LAYOUT.unpack_from(slots, at)
    at += _LAYOUT.size
    end = at + size
    data = slots[at:end]
    counts = data if code == b"B" else array(code.decode(), data)
    return second, start, count, total, first, counts, end


def _slots(slots: bytes) -> Iterator[Slot]:
    """Yield the slots that are packed in ``slots``."""
    at = 0
    while at < len(slots):
        second, start, count, total, first, counts, at = _unpack(slots, at)
        yield Slot(second, start, count, total, Buckets(first, list(counts)))


class Recent(Struct, eq=False, gc=False):
    """A sliding window over one merged sum. Belongs to the event loop.

    ``count``, ``sum`` (ns) and ``buckets`` are those of the whole window; don't change ``buckets``.
    The series sees to it that no number of a slot is over 2^63 - 1.
    """

    _born: float | None = None
    _latest: float = -math.inf
    #: The second of the slot ``_now``.
    _second: int = -(1 << 62)
    _now: Slot | None = None
    #: The slots before ``_now``, packed, oldest first.
    _past: bytes = b""
    count: int = 0
    sum: int = 0
    buckets: Buckets = field(default_factory=lambda: _EMPTY)

    def add(
        self,
        at: float,
        gap: float | None,
        count: int,
        total: int = 0,
        buckets: Mapping[int, int] = _NONE,
    ) -> None:
        """Add ``count`` events of the ``gap`` seconds up to ``at`` (now, monotonic).

        Without a gap they are a baseline, and not recent: what a process counted before it
        returned.
        """
        if gap is None:
            if self._born is None:
                self._born = self._latest = at
            return
        self._latest = at
        if not count:
            return
        if at >= self._second + 1:
            self.advance(at)
        if self._born is None:
            self._born = at - gap
        start, second = at - gap, self._second
        if gap <= SHORT_GAP:
            self._put(start, count, total, buckets)
            return
        first = max(start, float(second - WINDOW + 1))
        # Shares are whole events. They are rounded cumulatively, so that they add up to the whole.
        # The sum is split like the events, so that each slot has a sensible mean.
        before = (first - start) / gap
        share = _share(count, before)
        slots: list[Slot] = []
        for past in range(int(first), second + 1):
            upto = min((past + 1 - start) / gap, 1.0)
            share_upto = _share(count, upto)
            part = share_upto - share
            total_part = total * share_upto // count - total * share // count
            shares = {i: _share(n, upto) - _share(n, before) for i, n in buckets.items()}
            shares = {i: n for i, n in shares.items() if n}
            begin = max(first, float(past))
            if past == second:
                self._put(begin, part, total_part, shares)
            else:
                spread = Buckets()
                spread.add_all(shares)
                slots.append(Slot(past, begin, part, total_part, spread))
            before, share = upto, share_upto
        self._insert(slots)

    def advance(self, now: float) -> None:
        """Drop what has left the window at the monotonic time ``now``."""
        second = int(now)
        if second <= self._second:
            return
        if self._now is not None:
            self._past += self._now.packed()
            self._now = None
        self._second = second
        first = second - WINDOW + 1
        while self._past and _SECOND.unpack_from(self._past)[0] < first:
            self._drop_oldest()

    def absorb(self, other: Recent, now: float) -> None:
        """Add all that another window holds."""
        self.advance(now)
        other.advance(now)
        slots = list(_slots(other._past))
        if other._now is not None:
            # Not added to our own slot: their sum could be over the limit of one.
            slots.append(other._now)
        self._insert(slots)
        if other._born is not None:
            self._born = other._born if self._born is None else min(self._born, other._born)
        self._latest = max(self._latest, other._latest)

    def last(self, seconds: int, now: float) -> Recent:
        """Return the window of the last ``seconds`` slots (1 to 10). Read it at once."""
        self.advance(now)
        if seconds == WINDOW:
            return self
        first, part = _first(seconds, now), Recent(self._born, self._latest)
        packed = self._past + (self._now.packed() if self._now else b"")
        part._insert([slot for slot in _slots(packed) if slot.second >= first])
        return part

    def per_second(self, now: float, lag: float = MAX_LAG, seconds: int = WINDOW) -> float | None:
        """Return events per second over the window, or over its age if it is younger.

        ``lag``: the most seconds until an event has arrived. ``seconds``: the length of the window.
        A window that was given up returns None.
        """
        if not self.count or self._born is None:
            return 0.0
        start: float = _first(seconds, now)
        if self._past:
            second, began, *_ = _LAYOUT.unpack_from(self._past)
            # The first difference of the oldest slot may have begun to accrue before the window.
            start = began if second == start else start
        # Events since the latest update haven't arrived: leave that time out.
        end = max(self._latest, now - lag)
        span = end - max(min(self._born, end - MIN_SPAN), start)
        return self.count / max(span, MIN_SPAN / 2)

    def _put(self, start: float, count: int, total: int, buckets: Mapping[int, int]) -> None:
        """Add to the slot of the current second."""
        self.count += count
        self.sum += total
        slot = self._now
        if slot is None:
            slot = self._now = Slot(self._second, start)
        slot.count += count
        slot.sum += total
        if buckets:
            if self.buckets is _EMPTY:
                self.buckets = Buckets()
            self.buckets.add_all(buckets)
            if slot.buckets is _EMPTY:
                # With the span of the window, which seldom has to grow.
                slot.buckets = self.buckets.emptied()
            slot.buckets.add_all(buckets)

    def _insert(self, slots: list[Slot]) -> None:
        """Add slots to the packed ones. One may be of the current second, beside ``_now``."""
        for slot in slots:
            self.count += slot.count
            self.sum += slot.sum
            if slot.buckets.counts:
                if self.buckets is _EMPTY:
                    self.buckets = Buckets()
                self.buckets.add_all(dict(slot.buckets.items()))
        slots += _slots(self._past)
        slots.sort(key=lambda slot: (slot.second, slot.start))
        seconds = [slots[0]] if slots else []
        for slot in slots[1:]:
            if not seconds[-1].took(slot):
                seconds.append(slot)
        self._past = b"".join(slot.packed() for slot in seconds)

    def _drop_oldest(self) -> None:
        """Subtract the oldest slot."""
        _, _, count, total, first, counts, end = _unpack(self._past, 0)
        self._past = self._past[end:]
        self.count -= count
        self.sum -= total
        if counts:
            self.buckets.subtract(first, counts)
            if not self.buckets.counts:
                self.buckets = _EMPTY


class _GivenUp(Recent, gc=False, eq=False):
    """A window that stays empty."""

    def add(self, *_: Any) -> None:
        """Keep nothing."""

    def advance(self, *_: Any) -> None:
        """Drop nothing."""

    def absorb(self, *_: Any) -> None:
        """Keep nothing."""

    def last(self, *_: Any) -> Recent:
        """Return the empty window."""
        return self

    def per_second(self, *_: Any, **__: Any) -> None:
        """Return None: the rate is unknown."""


#: The window of all series whose history was given up, for good, for lack of room.
GIVEN_UP = _GivenUp()


def _first(seconds: int, now: float) -> int:
    """Return the first second of a window. One of 1 s goes back half a second at least."""
    return int(now - 0.5) if seconds == 1 else int(now) - seconds + 1


def _share(whole: int, part: float) -> int:
    """Return the part (0 to 1) of ``whole`` events as whole events, at most all of them."""
    return whole if part == 1.0 else min(int(whole * part), whole)
