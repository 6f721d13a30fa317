"""The last ten minutes of each series, for curves, and rates of sums."""

import json
import math
from collections import deque
from typing import Any, Deque, Dict, Hashable, List, Mapping, Optional, Sequence, Set, Tuple

from .. import PluginIdentity

#: Seconds of a step of a curve, and the steps that are kept, as in the collector.
STEP, LENGTH = 5.0, 120
#: Seconds over which the rate of a sum is taken, as for the collector's recent values.
WINDOW = 10.0
#: A node keeps values in single precision. Smaller differences, relative and absolute, are noise.
PRECISION, LEAST = 1e-6, 1e-37
_BLOCKS = "▁▂▃▄▅▆▇█"

Values = Sequence[Optional[float]]
_NONE: Mapping[str, str] = {}


class History:
    """The values of series in steps of 5 s, each under a key that the caller chooses.

    ``interval``: seconds between two polls. Times are monotonic. Not thread-safe.
    """

    def __init__(self, interval: float = 1.0) -> None:
        #: The most steps between two polls that make no gap in the curve.
        self._apart = math.ceil(interval / STEP) + 1
        self._values: Dict[Hashable, Deque[Optional[float]]] = {}
        #: The number of the newest step.
        self._newest: Dict[Hashable, int] = {}
        self._sums: Dict[Hashable, Deque[Tuple[float, float]]] = {}

    def per_second(self, key: Hashable, at: float, total: Optional[float]) -> Optional[float]:
        """Add the value of a sum at the time ``at``. Return its rise per second over the last 10 s.

        Return None for the first value, an unknown one, and one that fell, which is a restart.
        """
        if total is None:
            self._sums.pop(key, None)
            return None
        sums = self._sums.setdefault(key, deque())
        if sums and (total < sums[-1][1] or at < sums[-1][0]):
            sums.clear()
        sums.append((at, total))
        while len(sums) > 2 and at - sums[1][0] >= WINDOW:
            sums.popleft()
        begin, before = sums[0]
        return (total - before) / (at - begin) if at > begin else None

    def add(self, key: Hashable, at: float, value: Optional[float]) -> Values:
        """Add a value. Return the last ten minutes, oldest first, with None for gaps.

        The last known value of a step counts.
        """
        # A rate of very large numbers may be infinite, which no curve can show.
        value = None if value is None or not math.isfinite(value) else value
        step = int(at // STEP)
        values = self._values.setdefault(key, deque(maxlen=LENGTH))
        passed = step - self._newest.get(key, step - 1)
        if passed > 0:
            missed = min(passed - 1, LENGTH)
            values.extend([value if passed <= self._apart else None] * missed)
            values.append(value)
            self._newest[key] = step
        elif value is not None and values:
            values[-1] = value
        return list(values)

    def add_past(self, key: Hashable, at: float, past: Values) -> None:
        """Fill gaps with a node's values ``past``. The last is of the step before ``at``."""
        last = int(at // STEP) - 1
        newest = max(self._newest.get(key, last), last)
        known = _by_step(past, last)
        ours = _by_step(self._values.get(key, ()), self._newest.get(key, last))
        known.update((step, value) for step, value in ours.items() if value is not None)
        steps = range(max(min(known, default=newest), newest - LENGTH + 1), newest + 1)
        self._values[key] = deque((known.get(step) for step in steps), maxlen=LENGTH)
        self._newest[key] = newest

    def keep(self, keys: Set[Hashable]) -> None:
        """Forget all series except ``keys``."""
        for each in (self._values, self._sums, self._newest):
            for key in [key for key in each if key not in keys]:
                del each[key]


def key_of(
    url: str, plugin: PluginIdentity, kind: str, name: str = "", labels: Mapping[str, str] = _NONE
) -> Hashable:
    """Return the key of one series of one node."""
    return url, plugin, kind, name, frozenset(labels.items())


def read_past(url: str, body: bytes) -> Dict[Hashable, Values]:
    """Return the values of each series in a node's ``/api/v1/history``, by :func:`key_of`.

    Raises ValueError if the answer isn't that of a collector.
    """
    found: Dict[Hashable, Values] = {}
    try:
        whole = json.loads(body.decode("utf-8"))
        if whole["step"] != STEP:
            return {}
        for plugin in whole["plugins"]:
            names = (plugin["plugin"], plugin["plugin_task"], plugin["plugin_job"])
            for series in plugin["series"]:
                labels = series.get("labels") or {}
                key = key_of(url, PluginIdentity(*names), series["kind"], series["name"], labels)
                found[key] = list(map(_number, series["values"][-LENGTH:]))
    except (AttributeError, KeyError, TypeError, RecursionError) as error:
        raise ValueError("%s: %s" % (type(error).__name__, error)) from None
    return found


def three_digits(value: Optional[float]) -> Optional[float]:
    """Return a value as a node's history has it, but for gauges and the memory."""
    return None if value is None else float("%.3g" % value)


def _by_step(values: Sequence[Optional[float]], last: int) -> Dict[int, Optional[float]]:
    return dict(enumerate(values, last + 1 - len(values)))


def _number(value: Any) -> Optional[float]:
    """Return a number that a curve can show; None for anything else."""
    if type(value) not in (int, float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # JSON has integers that no float can hold
        return None


def extent(values: Values, width: int) -> Optional[Tuple[float, float]]:
    """Return the least and the largest of the last ``width`` values; None if all are unknown.

    The two are equal if they differ by less than the node's precision.
    """
    known = [value for value in list(values)[-width:] if value is not None]
    if not known or width <= 0:
        return None
    low, high = min(known), max(known)
    is_level = high - low <= max(LEAST, PRECISION * max(abs(low), abs(high)))
    return (high, high) if is_level else (low, high)


def sparkline(values: Values, width: int) -> str:
    """Draw the last ``width`` values, scaled between their least and their largest.

    Gaps are spaces. A constant is a line in the middle, or at the bottom if it is 0.
    """
    range_of = extent(values, width)
    if range_of is None:
        return " " * width
    shown: List[Optional[float]] = list(values)[-width:]
    marks = [" " if value is None else _block(value, *range_of) for value in shown]
    return "".join(marks).rjust(width)


def _block(value: float, low: float, high: float) -> str:
    if high / 2 <= low / 2:
        return _BLOCKS[3 if high else 0]
    # Halves, since the difference of two large floats may be infinite.
    share = (value / 2 - low / 2) / (high / 2 - low / 2)
    return _BLOCKS[min(int(share * len(_BLOCKS)), len(_BLOCKS) - 1)]
