"""The last ten seconds of one sum, in one-second slots of differences.

Cells on the wire are cumulative, so a recent value is the difference to the last one. It goes into
the slot of the second of its arrival. After a late update it is spread over the seconds that it
took, so a reconnect makes no burst. Slots belong to whole seconds of the collector's monotonic
clock. A slot that left the window is subtracted again, so that reading costs no merging. Until then
it is kept packed.
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
#: A difference over at most this many seconds is put whole into the current slot.
SHORT_GAP = 1.25
#: What is under way between a sender and here, at its interval of 0.25 s.
MAX_LAG = 0.25
#: A rate is taken over at least this many seconds from the first event, and half of it later.
MIN_SPAN = 1.0

_NONE: Mapping[int, int] = {}
#: What all windows without a duration show; never changed.
_EMPTY = Buckets()


class Slot(Struct, gc=False, eq=False):
    """The differences of one second; they began to accrue at ``start``."""

    second: int
    start: float
    count: int = 0
    sum: int = 0
    buckets: Buckets = field(default_factory=lambda: _EMPTY)

    def took(self, other: Slot) -> bool:
        """Add another slot of the same second to this one; False if that can't be done.

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
            code, data = b"B", bytes(counts.tolist())  # enough for most seconds
            filled = data.lstrip(b"\0")
            first, data = first + len(data) - len(filled), filled.rstrip(b"\0")
        except ValueError:
            code, data = counts.typecode.encode(), counts.tobytes()
        head = self.second, self.start, self.count, self.sum, first, code, len(data)
        return _LAYOUT.pack(*head) + data


#: A packed slot: second, start, count, sum, index of the first bucket, type code of the counts and
#: how many bytes of them follow.
_LAYOUT = Layout("<idQQhcH")
_SECOND = Layout("<i")


def _unpack(slots: bytes, at: int) -> tuple[int, float, int, int, int, Sequence[int], int]:
    """Return what makes up the packed slot at ``at``, and where it ends."""
    second, start, count, total, first, code, size = _LAYOUT.unpack_from(slots, at)
    at += _LAYOUT.size
    end = at + size
    data = slots[at:end]
    counts = data if code == b"B" else array(code.decode(), data)
    return second, start, count, total, first, counts, end


def _slots(slots: bytes) -> Iterator[Slot]:
    """Yield packed slots."""
    at = 0
    while at < len(slots):
        second, start, count, total, first, counts, at = _unpack(slots, at)
        yield Slot(second, start, count, total, Buckets(first, list(counts)))


class Recent(Struct, eq=False, gc=False):
    """A sliding window over one merged sum; ``count``, ``sum`` (ns), ``buckets`` sum it up.

    Of a timer, a rate or a count no slot may hold more than 2^63 - 1 of anything; their series see
    to it. ``buckets`` are not to be changed.
    """

    _born: float | None = None
    _latest: float = -math.inf
    #: The second that ``_now`` collects.
    _second: int = -(1 << 62)
    _now: Slot | None = None
    #: The seconds before, packed, oldest first.
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
        """Take in ``count`` events of the ``gap`` seconds up to ``at`` (now).

        A gap of None makes them a baseline: what a returning process counted before is not recent.
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
        # Whole events, so shares are rounded cumulatively: they add up to the whole. The sum
        # follows the events, so that a mean is never made of one without the other.
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
        """Drop what left the window."""
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
        """Take in all that another window holds."""
        self.advance(now)
        other.advance(now)
        slots = list(_slots(other._past))
        if other._now is not None:
            # Not added to the own one: two could hold more than one may.
            slots.append(other._now)
        self._insert(slots)
        if other._born is not None:
            self._born = other._born if self._born is None else min(self._born, other._born)
        self._latest = max(self._latest, other._latest)

    def last(self, seconds: int, now: float) -> Recent:
        """Return the window of the last ``seconds`` slots (1 to 10), which is for reading now."""
        self.advance(now)
        if seconds == WINDOW:
            return self
        first, part = _first(seconds, now), Recent(self._born, self._latest)
        packed = self._past + (self._now.packed() if self._now else b"")
        part._insert([slot for slot in _slots(packed) if slot.second >= first])
        return part

    def per_second(self, now: float, lag: float = MAX_LAG, seconds: int = WINDOW) -> float | None:
        """Return events per second over the window, or over its age if it is younger.

        None of a window that was given up.
        ``lag``: for how many seconds events can be under way. ``seconds``: those of the window.
        """
        if not self.count or self._born is None:
            return 0.0
        start: float = _first(seconds, now)
        if self._past:
            second, began, *_ = _LAYOUT.unpack_from(self._past)
            # The oldest slot's first difference may have begun to accrue before the window does.
            start = began if second == start else start
        # Events since the latest update are still on their way: don't count that time.
        end = max(self._latest, now - lag)
        span = end - max(min(self._born, end - MIN_SPAN), start)
        return self.count / max(span, MIN_SPAN / 2)

    def _put(self, start: float, count: int, total: int, buckets: Mapping[int, int]) -> None:
        """Add to the current second."""
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
                # Of a span that hardly needs to grow.
                slot.buckets = self.buckets.emptied()
            slot.buckets.add_all(buckets)

    def _insert(self, slots: list[Slot]) -> None:
        """Put in slots of seconds before, or of the current one beside that of its own."""
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
    """Stays empty, whatever happens."""

    def add(self, *_: Any) -> None:
        """Keep nothing."""

    def advance(self, *_: Any) -> None:
        """Have nothing to drop."""

    def absorb(self, *_: Any) -> None:
        """Keep nothing of another window."""

    def last(self, *_: Any) -> Recent:
        """Return it itself."""
        return self

    def per_second(self, *_: Any, **__: Any) -> None:
        """Return None: nothing is known."""


#: Stands for the window of a series whose history was given up for lack of room, for good.
GIVEN_UP = _GivenUp()


def _first(seconds: int, now: float) -> int:
    """Return the second that a window begins with; one that has just begun holds too little."""
    return int(now - 0.5) if seconds == 1 else int(now) - seconds + 1


def _share(whole: int, part: float) -> int:
    """Return a part (0 to 1) of so many events, in whole ones and never more than all."""
    return whole if part == 1.0 else min(int(whole * part), whole)
