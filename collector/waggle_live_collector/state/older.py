"""Reads the state file of the release before: format 1, whose totals of timers were coarse.

There the totals of a timer counted by the 22 bounds of the exposition, and only the rows of its
processes by fine buckets. What those rows hold is counted where it was. What ended processes had
counted is known by its bound alone, and goes into the fine bucket in the middle below that bound.
So each coarse count stays as it was.

A sum over 2^63 - 1 was counted then and can't be now. Such a series is left out and begins again.
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

#: What rows raise that aren't those of a state file.
_MALFORMED = (AttributeError, LookupError, OverflowError, TypeError, ValueError)

#: Where things stand in the rows of format 1.
_PLUGIN_IDENTITY, _TOTALS = 0, 2
_PROCESS_IDENTITY, _CELLS = 2, 14
_BUCKETS = 6
#: The rows whose kind stands after their tag.
_COUNT = "count"

_HALF = BUCKETS_PER_DOUBLING // 2
#: The fine bucket that stands for each bin; the last bin has no upper bound.
_MIDDLES = [*(end - _HALF for end in ENDS), ENDS[-1] + _HALF]


def convert(state: dict[str, Any]) -> list[str]:
    """Bring what stands in a file of format 1 to the format of today.

    Returns which rows could not be, and why; they are taken out. What else is wrong with a row
    shows when it is read.
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
    """Yield the keys of the series that count more than can be counted."""
    for row in _rows(plugin, _TOTALS):
        if any(isinstance(value, int) and value > MAX_WHOLE for value in row):
            yield _key(plugin[_PLUGIN_IDENTITY], row)


def _leave_out(owner: Any, identity: int, position: int, keys: set[Any]) -> None:
    """Take out what a plugin or process holds of some series."""
    if keys:
        rows = _rows(owner, position)
        rows[:] = [row for row in rows if _key(owner[identity], row) not in keys]


def _rows(owner: Any, position: int) -> Any:
    """Return the rows of a plugin or process; there are none where it is written without."""
    return owner[position] if len(owner) > position else []


def _timers(owner: Any, position: int) -> Iterator[Any]:
    """Yield the rows of timers that a plugin or process has, as rows are written to their end."""
    rows = _rows(owner, position)
    return (row for row in rows if row[0] == TIMER and len(row) > _BUCKETS)


def _key(identity: Any, row: Any) -> Any:
    """Return what a series is found by; the totals have no empty labels."""
    *kind_and_name, labels = row[: 4 if row[0] == _COUNT else 3]
    return (*identity, *kind_and_name, *(tuple(pair) for pair in labels if pair[1]))


def _refined(bins: list[int], fine: Counter[int]) -> Counter[int]:
    """Return the fine counts of all processes, those that have ended included."""
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
    """Return buckets as a file of today has them."""
    buckets = Buckets()
    buckets.add_all({index: n for index, n in counts.items() if n})
    return [buckets.first, buckets.counts.tolist()]
