"""Which functions of a run have a series of their own, and the sums of all others.

At most ``limit`` functions are admitted, the most expensive first, and stay. All others are added
up in ``__other__``. What was added there stays there when one of them is admitted later. So no sum
ever falls, and at any time all sums together are what TAU has counted. Waiting is added up in
``__idle__`` from the start.
"""

from typing import Dict, List, Optional, Pattern, Sequence, Set, Tuple

from ...wire.protocol import IDLE_FUNCTIONS, OTHER_FUNCTIONS
from .. import names
from ..places import DEFAULT_LIMIT, admit
from . import rows
from .directory import CPU_TIME, TIME, Reading

#: The largest value that the wire takes.
_MAX = (1 << 63) - 1

# Indices in a sum.
CALLS, EXCLUSIVE, INCLUSIVE, EXCLUSIVE_CPU = range(4)
#: Calls, then nanoseconds; None means not measured.
Sum = List[Optional[int]]
_PLACES: Dict[str, Tuple[int, ...]] = {
    TIME: (CALLS, EXCLUSIVE, INCLUSIVE),
    CPU_TIME: (CALLS, EXCLUSIVE_CPU),
}
#: Inclusive times of many functions would count the same time many times.
_SUMS_ALONE = (OTHER_FUNCTIONS, IDLE_FUNCTIONS)


class _Function:
    """What TAU last said of a function, and where it is counted (None: nowhere yet)."""

    __slots__ = ("home", "key", "nameable", "threads", "values")

    def __init__(self, key: bytes, nameable: bool) -> None:
        self.key = key
        self.nameable = nameable
        self.home = IDLE_FUNCTIONS if rows.is_idle(key) else None
        self.threads: Dict[str, List[int]] = {}
        self.values = [0] * 4  # over all threads

    def rise(self, thread: str, place: int, value: int) -> int:
        """Store a thread's newer value, and return by how much it rose. It never falls here.

        In TAU's dumps inclusive time falls while a recursive function is on the stack.
        """
        values = self.threads.setdefault(thread, [0] * 4)
        step = max(0, value - values[place])
        values[place] += step
        self.values[place] += step
        return step

    def cost(self) -> int:
        """Exclusive time; that of the processor if TAU measured nothing else."""
        return self.values[EXCLUSIVE] or self.values[EXCLUSIVE_CPU]


class Functions:
    """The functions of one run. ``sums`` by the label ``function``. Not thread-safe."""

    def __init__(self, limit: int = DEFAULT_LIMIT, include: Optional[Pattern[str]] = None) -> None:
        self.sums: Dict[str, Sum] = {}
        #: Functions that were ever added up in ``__other__``.
        self.dropped = 0
        #: Labels of functions that TAU has stopped measuring. Their calls are no longer counted,
        #: and the calls' time counts for their callers.
        self.throttled: Set[str] = set()
        #: Threads whose CPU time was measured.
        self._of_cpu: Set[str] = set()
        self._limit = limit
        self._include = include
        self._functions: Dict[bytes, _Function] = {}

    @property
    def is_cpu_mixed(self) -> bool:
        """Tell whether CPU time is left out: with several threads TAU gives each that of all."""
        return len(self._of_cpu) > 1

    def read(self, readings: Sequence[Reading], *, final: bool = False) -> Set[str]:
        """Add what files of the run say. Returns the labels that changed.

        ``final``: nothing follows.
        """
        risen = []
        self._of_cpu |= {
            each.thread
            for each in readings
            if each.profile.metric == CPU_TIME and not all(map(rows.is_idle, each.functions))
        }
        for reading in readings:
            for key, values in reading.functions.items():
                function = self._functions.get(key)
                if function is None:
                    function = self._functions[key] = _Function(key, self._is_nameable(key))
                for place, value in zip(self._places(reading), values):
                    risen.append((function, place, function.rise(reading.thread, place, value)))
        self._admit(final or any(reading.profile.has_ended for reading in readings))
        changed = set()
        for reading in readings:
            for key in reading.throttled:
                home = self._functions[key].home if key in self._functions else None
                if home is not None and home not in _SUMS_ALONE and home not in self.throttled:
                    self.throttled.add(home)
                    changed.add(home)
        for function, place, step in risen:
            if function.home is None and step:
                function.home = OTHER_FUNCTIONS
                self.dropped += 1
            if function.home is None:
                continue
            if function.home in _SUMS_ALONE and place == INCLUSIVE:
                continue
            total = self.sums.setdefault(function.home, [0, None, None, None])
            if step or total[place] is None:
                total[place] = min((total[place] or 0) + step, _MAX)
                changed.add(function.home)
        return changed

    def _places(self, reading: Reading) -> Tuple[int, ...]:
        if reading.profile.metric == CPU_TIME and self.is_cpu_mixed:
            return (CALLS,)
        return _PLACES[reading.profile.metric]

    def _admit(self, all_places: bool) -> None:
        room = self._limit - sum(label not in _SUMS_ALONE for label in self.sums)
        working = [f for f in self._functions.values() if f.home != IDLE_FUNCTIONS]
        total = sum(map(_Function.cost, working))
        candidates = (f for f in working if f.nameable and f.home in (None, OTHER_FUNCTIONS))
        for function in admit(
            candidates,
            _Function.cost,
            room=room,
            limit=self._limit,
            total=total,
            all_places=all_places,
        ):
            function.home = names.label(function.key)
            self.sums.setdefault(function.home, [0, None, None, None])

    def _is_nameable(self, key: bytes) -> bool:
        if not rows.is_nameable(key):
            return False
        return self._include is None or self._include.search(names.label(key)) is not None
