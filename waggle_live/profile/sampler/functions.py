"""What the sampler has found: each function's times, and which have series of their own.

A function is a Python function as its code names it: ``name [file.py:line]``, as TAU's are.
"""

import weakref
from typing import Any, Callable, Dict, List, Optional, Tuple

from ...frames import is_own_code
from ...series.state import Change, Folded, SeriesState, change_together
from ...wire.protocol import OTHER_FUNCTIONS, SAMPLER
from .. import names
from ..function_state import FunctionState, Values
from ..places import DEFAULT_LIMIT, admit
from .stacks import Stacks

#: The most frames of a stack that are read, from the innermost on.
DEFAULT_MAX_DEPTH = 200
#: The most functions that are told apart without a series, and the most codes that are kept.
DEFAULT_MAX_FUNCTIONS, DEFAULT_MAX_CODES = 4096, 8192
#: The least total in nanoseconds that shares are computed of. In a plugin's first second each
#: function of its start has a large share, and would take a place for good.
DEFAULT_LEAST_TOTAL = 60 * 10**9


class SampledState(FunctionState):
    """One function. Each value adds to those before, so that the next session begins at zero."""

    empty: Values = (None, 0, 0, None)

    def _fold(self, batch: List[Any], folded: Folded, drain: Change) -> None:
        total = folded[0]
        for each in batch:
            total = self._add(total, each)
        change_together((folded, 0, total), drain)

    def _add(self, one: Values, other: Values) -> Values:
        return tuple([b if a is None else a + (b or 0) for a, b in zip(one, other)])

    def _fields(self, *folded: Any) -> str:
        calls, exclusive, inclusive, cpu = folded
        if self.name == OTHER_FUNCTIONS:  # over many functions it would count a time many times
            inclusive = None
        return super()._fields(calls, exclusive, inclusive, cpu)


class Function:
    """A function, and its times since they were last added to its state."""

    __slots__ = ("cost", "cpu", "exclusive", "inclusive", "label", "mark", "state")

    def __init__(self, label: str) -> None:
        self.label = label
        self.state: Optional[SampledState] = None
        self.exclusive = self.inclusive = 0
        self.cpu: Optional[int] = None
        #: All CPU time, or wall clock if CPU is unknown.
        self.cost = 0
        #: The mark of the latest stack that it was found in.
        self.mark = 0


#: A stack, the innermost function first.
Stack = Tuple[Function, ...]


class SampledFunctions:
    """The functions of one reporter. For the sampler's thread, except ``states``."""

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._limit = limit
        #: By the id of a code. A code may end, and another get its id.
        self._codes: Dict[int, Tuple[Callable[[], Any], Function]] = {}
        self._other = Function(OTHER_FUNCTIONS)
        self._functions: Dict[str, Function] = {}
        self._admitted: List[SampledState] = []
        self._total = 0
        self._mark = 0
        #: Collections of whole stacks, by who asked for them.
        self.collections: Dict[str, Stacks] = {}

    def states(self) -> List[SeriesState]:
        """Return a copy of the list of states to send."""
        states: List[SeriesState] = list(self._admitted)
        if self._other.state is not None:  # after all that may be added up in it
            states.append(self._other.state)
        return states

    def stack_of(self, frame: Any) -> Stack:
        """Return the functions on a stack."""
        codes, found = self._codes, []  # type: Any, List[Function]
        while frame is not None and len(found) < DEFAULT_MAX_DEPTH:
            code = frame.f_code
            known = codes.get(id(code))
            if known is None or known[0]() is not code:
                known = self._learn(code)
            found.append(known[1])
            frame = frame.f_back
        return tuple(found)

    def add(self, stack: Stack, wall: int, cpu: Optional[int]) -> None:
        """Count nanoseconds that a thread was on that stack, and the CPU that it used there."""
        function = stack[0]
        function.exclusive += wall
        if cpu is not None:
            function.cpu = (function.cpu or 0) + cpu
        self._mark = mark = self._mark + 1
        for function in stack if wall else ():
            if function.mark != mark:  # else recursion, which counts once
                function.mark = mark
                function.inclusive += wall
        for stacks in list(self.collections.values()):
            stacks.add(stack, wall, cpu)

    def add_elsewhere(self, cpu: int) -> None:
        """Count CPU whose function is unknown."""
        self._other.cpu = (self._other.cpu or 0) + cpu

    def tell(self) -> None:
        """Add what was counted to the states."""
        risen = [each for each in self._functions.values() if each.inclusive or each.cpu]
        for function in risen:
            cost = function.exclusive if function.cpu is None else function.cpu
            function.cost += cost
            self._total += cost
        self._admit([each for each in risen if each.state is None])
        other = self._other
        for function in risen:
            if function.state is not None:
                function.state.append(_values(function))
            else:
                other.exclusive += function.exclusive
                if function.cpu is not None:
                    other.cpu = (other.cpu or 0) + function.cpu
            function.exclusive, function.inclusive, function.cpu = 0, 0, None
        if other.exclusive or other.cpu:
            if other.state is None:
                other.state = self._state(OTHER_FUNCTIONS)
            other.state.append(_values(other))
        other.exclusive, other.inclusive, other.cpu = 0, 0, None

    def fold_away(self, state: SeriesState) -> None:
        """Add a state that the collector has no room for up in that of the other functions."""
        if self._other.state is None:
            self._other.state = self._state(OTHER_FUNCTIONS)
        if state is not self._other.state and state.into is None:
            state.into = self._other.state
            state.changed = True

    def _admit(self, candidates: List[Function]) -> None:
        """Give places to the most expensive functions, for good, as for TAU's functions.

        Functions that only called others so far get none.
        """
        own = [each for each in candidates if each.exclusive or each.cpu]
        own.sort(key=lambda each: each.exclusive, reverse=True)  # decides if none has CPU time
        for function in admit(
            own,
            lambda each: each.cost,
            room=self._limit - len(self._admitted),
            limit=self._limit,
            total=max(self._total, DEFAULT_LEAST_TOTAL),
        ):
            function.state = self._state(function.label)
            self._admitted.append(function.state)

    def _state(self, label: str) -> SampledState:
        state = SampledState(label, SAMPLER)
        state.registry = self
        return state

    def _learn(self, code: Any) -> Tuple[Callable[[], Any], Function]:
        # So that an author can tell our functions from the plugin's.
        named = ("waggle_live." if is_own_code(code) else "") + code.co_name
        place = "%s [{%s}{%d}]" % (named, code.co_filename, code.co_firstlineno)
        name = place.encode("utf-8", "replace")
        label = names.label(name)
        function = self._functions.get(label)
        if function is None:
            is_full = len(self._functions) >= DEFAULT_MAX_FUNCTIONS
            if is_full or names.UNNAMED.search(name):
                function = self._other
            else:
                function = self._functions[label] = Function(label)
        if len(self._codes) >= DEFAULT_MAX_CODES:
            self._codes.clear()
        known = self._codes[id(code)] = weakref.ref(code), function
        return known


def _values(function: Function) -> Values:
    return None, function.exclusive, function.inclusive, function.cpu
