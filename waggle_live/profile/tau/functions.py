"""Which functions of a run have a series of their own, and what all of them come to.

At most ``limit`` are admitted, the most expensive first, and stay. All others are added up in
``__other__``, and what was added there stays there when one of them is admitted later. So no
sum ever falls, and all of them together are at any time what TAU itself has counted.
"""

import heapq
from typing import Dict, List, Optional, Pattern, Tuple

from ...wire.protocol import OTHER_FUNCTIONS
from . import DEFAULT_LIMIT, names
from .directory import CPU_TIME, TIME, Reading, Values

#: While a program runs, half of the places are kept for functions that have taken at least this
#: share of all time: what a program does to start would take all of them, and stay.
SHARE = 0.01
#: What the wire takes.
_MAX = (1 << 63) - 1

# Places in a sum.
CALLS, EXCLUSIVE, INCLUSIVE, EXCLUSIVE_CPU, INCLUSIVE_CPU = range(5)
#: What one function, or ``__other__``, comes to: calls, then nanoseconds.
Sum = List[int]
Places = Tuple[int, int, int]
_PLACES: Dict[str, Places] = {
    TIME: (CALLS, EXCLUSIVE, INCLUSIVE),
    CPU_TIME: (CALLS, EXCLUSIVE_CPU, INCLUSIVE_CPU),
}


class _Function:
    """What TAU last said of a function, and where it is counted (None: nowhere yet)."""

    __slots__ = ("home", "key", "nameable", "values")

    def __init__(self, key: bytes, nameable: bool) -> None:
        self.key = key
        self.nameable = nameable
        self.home: Optional[Sum] = None
        self.values: Sum = [0] * 5

    def rise(self, places: Places, values: Values) -> List[int]:
        """Take in newer values and return by how much they rose. They don't fall: inclusive time
        does in TAU's dumps, while a recursive function is on the stack."""
        steps = [max(0, value - self.values[place]) for place, value in zip(places, values)]
        for place, step in zip(places, steps):
            self.values[place] += step
        return steps

    def cost(self) -> int:
        """Exclusive time; of the processor where TAU measured nothing else."""
        return self.values[EXCLUSIVE] or self.values[EXCLUSIVE_CPU]


class Functions:
    """The functions of one run. ``sums`` by the label ``function``. Not thread-safe."""

    def __init__(self, limit: int = DEFAULT_LIMIT, include: Optional[Pattern[str]] = None) -> None:
        self.sums: Dict[str, Sum] = {}
        #: Functions that were ever added up in ``__other__``.
        self.dropped = 0
        #: The metrics that the run measures.
        self.metrics: List[str] = []
        self._limit = limit
        self._include = include
        self._other: Sum = [0] * 5
        self._functions: Dict[bytes, _Function] = {}

    def read(self, reading: Reading, *, final: bool = False) -> None:
        """Take in what a run has come to; ``final``: there is nothing to come."""
        risen = []
        for metric, functions in reading.metrics.items():
            if functions and metric not in self.metrics:
                self.metrics.append(metric)
            places = _PLACES[metric]
            for key, values in functions.items():
                function = self._functions.get(key)
                if function is None:
                    function = self._functions[key] = _Function(key, self._is_nameable(key))
                steps = function.rise(places, values)
                if any(steps):
                    risen.append((function, places, steps))
        self._admit(final or reading.has_ended)
        for function, places, steps in risen:
            home = function.home
            if home is None:
                home = function.home = self.sums[OTHER_FUNCTIONS] = self._other
                self.dropped += 1
            for place, step in zip(places, steps):
                home[place] = min(home[place] + step, _MAX)

    def _admit(self, all_places: bool) -> None:
        taken = len(self.sums) - (OTHER_FUNCTIONS in self.sums)
        room = self._limit - taken
        if room <= 0:
            return
        kept = 0 if all_places else self._limit // 2
        enough = SHARE * sum(function.cost() for function in self._functions.values())
        candidates = (
            function
            for function in self._functions.values()
            if function.nameable and (function.home is None or function.home is self._other)
        )
        for function in heapq.nlargest(room, candidates, key=_Function.cost):
            if room <= kept and function.cost() < enough:
                return
            label = names.label(function.key)
            if label not in self.sums:
                self.sums[label] = [0] * 5
                room -= 1
            function.home = self.sums[label]

    def _is_nameable(self, key: bytes) -> bool:
        if names.UNNAMED.search(key):
            return False
        return self._include is None or self._include.search(names.label(key)) is not None
