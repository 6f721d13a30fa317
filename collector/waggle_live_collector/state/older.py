"""Converts the state file of the release before: format 1, which had coarse totals of timers.

In format 1 the totals of a timer have one count for each of the 22 classic buckets. Only the rows
of its processes have fine buckets. What those rows count keeps its fine bucket. The rest was
counted by ended processes, and only its classic bucket is known. It goes into the fine bucket in
the middle of that one. So each classic count stays as it was.

Format 1 may hold sums over 2^63 - 1, which are refused now. Such a series is left out and begins
again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from waggle_live.wire.histogram import BUCKETS_PER_DOUBLING
from waggle_live.wire.protocol import TIMER

from ..messages import MAX_WHOLE
from ..table.buckets import ENDS, Buckets

FORMAT = 1

#: The errors that a malformed row raises here.
_MALFORMED = (AttributeError, LookupError, OverflowError, TypeError, ValueError)

#: The positions of fields in the rows of format 1.
_PLUGIN_IDENTITY, _TOTALS = 0, 2
_PROCESS_IDENTITY, _CELLS = 2, 14
_BUCKETS = 6
#: The tag of rows that have their kind in the next field.
_COUNT = "count"

_HALF = BUCKETS_PER_DOUBLING // 2
#: The fine bucket in the middle of each classic one. The last of those has no upper bound.
_MIDDLES = [*(end - _HALF for end in ENDS), ENDS[-1] + _HALF]


def convert(state: dict[str, Any]) -> list[str]:
    """Convert the content of a format 1 file to format 2, in place.

    Removes the rows that can't be converted, and returns which these are and why. Other faults of a
    row show when it is read.
    """
    left_out: list[str] = []

    def each(name: str, work: Callable[[Any], None]) -> None:
        rows = state[name] if isinstance(state[name], list) else []
        converted = []
        for number, owner in enumerate(rows, 1):
            try:
                work(owner)
            except _MALFORMED as error:
                left_out.append(f"row {number} of {name}: {error!r}")
            else:
                converted.append(owner)
        rows[:] = converted

    too_much: set[Any] = set()
    each("plugins", lambda plugin: too_much.update(_too_much(plugin)))
    counted: dict[Any, Counter[int]] = {}

    def process(owner: Any) -> None:
        _leave_out(owner, _PROCESS_IDENTITY, _CELLS, too_much)
        told = []
        for row in _timers(owner, _CELLS):
            fine = Counter({int(index): n for index, n in row[_BUCKETS].items()})
            row[_BUCKETS] = _packed(fine)
            told.append((_key(owner[_PROCESS_IDENTITY], row), fine))
        for key, fine in told:
            counted.setdefault(key, Counter()).update(fine)

    def plugin(owner: Any) -> None:
        _leave_out(owner, _PLUGIN_IDENTITY, _TOTALS, too_much)
        for row in _timers(owner, _TOTALS):
            fine = counted.get(_key(owner[_PLUGIN_IDENTITY], row), Counter())
            row[_BUCKETS] = _packed(_refined(row[_BUCKETS], fine))

    each("sessions", process)
    each("plugins", plugin)
    state["format"] = 2
    return left_out


def _too_much(plugin: Any) -> Iterator[Any]:
    """Yield the keys of the series that have a number over ``MAX_WHOLE``."""
    for row in _rows(plugin, _TOTALS):
        if any(isinstance(value, int) and value > MAX_WHOLE for value in row):
            yield _key(plugin[_PLUGIN_IDENTITY], row)


def _leave_out(owner: Any, identity: int, position: int, keys: set[Any]) -> None:
    """Remove some series from a plugin or process."""
    if keys:
        rows = _rows(owner, position)
        rows[:] = [row for row in rows if _key(owner[identity], row) not in keys]


def _rows(owner: Any, position: int) -> Any:
    """Return the series of a plugin or process; that field may be missing at the end of a row."""
    return owner[position] if len(owner) > position else []


def _timers(owner: Any, position: int) -> Iterator[Any]:
    """Yield the timers of a plugin or process that have buckets."""
    rows = _rows(owner, position)
    return (row for row in rows if row[0] == TIMER and len(row) > _BUCKETS)


def _key(identity: Any, row: Any) -> Any:
    """Return the key of a series, without empty labels, which totals don't have."""
    *kind_and_name, labels = row[: 4 if row[0] == _COUNT else 3]
    return (*identity, *kind_and_name, *(tuple(pair) for pair in labels if pair[1]))


def _refined(bins: list[int], fine: Counter[int]) -> Counter[int]:
    """Return the fine counts of all processes, including ended ones.

    ``bins`` are the classic counts of all, ``fine`` the fine counts of those that have rows.
    """
    buckets = Buckets()
    buckets.add_all(fine)
    known = [after - before for before, after in pairwise([0, *buckets.cumulated()])]
    refined = Counter(fine)
    for middle, count, of_rows in zip(_MIDDLES, bins, known, strict=True):
        if count < of_rows:
            raise ValueError("a timer's totals are below what its processes counted")
        refined[middle] += count - of_rows
    return refined


def _packed(counts: Counter[int]) -> list[Any]:
    """Return buckets as format 2 has them."""
    buckets = Buckets()
    buckets.add_all({index: n for index, n in counts.items() if n})
    return [buckets.first, buckets.counts.tolist()]
