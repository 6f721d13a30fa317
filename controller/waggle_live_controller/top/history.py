"""The earlier polls of each series, for curves and for the rates of sums."""

import math
from collections import deque
from typing import Deque, Dict, Hashable, List, Optional, Sequence, Set, Tuple

#: Polls that a curve shows at most.
LENGTH = 60
#: Seconds over which the rate of a sum is taken, like the collector's recent values.
WINDOW = 10.0
_BLOCKS = "▁▂▃▄▅▆▇█"

Values = Sequence[Optional[float]]


class History:
    """The last polls of series, each under a key that the caller chooses. Not thread-safe."""

    def __init__(self) -> None:
        self._values: Dict[Hashable, Deque[Optional[float]]] = {}
        self._sums: Dict[Hashable, Deque[Tuple[float, float]]] = {}

    def per_second(self, key: Hashable, at: float, total: Optional[float]) -> Optional[float]:
        """Add a sum ``at`` a time (monotonic); return how fast it rose a second over the last 10 s.

        None at first, if the sum isn't known, and if it fell, since it then began anew.
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

    def add(self, key: Hashable, value: Optional[float]) -> Values:
        """Add a value; return the last ones, oldest first, with None for gaps."""
        values = self._values.setdefault(key, deque(maxlen=LENGTH))
        # A rate of the largest numbers that there are may be infinite: no curve can show that.
        values.append(None if value is None or not math.isfinite(value) else value)
        return list(values)

    def keep(self, keys: Set[Hashable]) -> None:
        """Forget all series but these."""
        for each in (self._values, self._sums):
            for key in [key for key in each if key not in keys]:
                del each[key]


def sparkline(values: Values, width: int) -> str:
    """Draw the latest values above a base line of zero, ``width`` characters; gaps stay empty."""
    if width < 1:
        return ""
    shown: List[Optional[float]] = list(values)[-width:]
    known = [value for value in shown if value is not None]
    low, high = min([0.0, *known]), max([0.0, *known])
    marks = [" " if value is None else _block(value, low, high) for value in shown]
    return "".join(marks).rjust(width)


def _block(value: float, low: float, high: float) -> str:
    if high / 2 <= low / 2:
        return _BLOCKS[0]
    # Halves: the distance of the largest floats is infinite.
    share = (value / 2 - low / 2) / (high / 2 - low / 2)
    return _BLOCKS[min(int(share * len(_BLOCKS)), len(_BLOCKS) - 1)]
