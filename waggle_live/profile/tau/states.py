"""The states of TAU's functions: each value is the whole state, so the newest counts."""

from typing import Any, List

from ...native import Native
from ...series.state import Change, Folded, SeriesState, change_together
from ...wire.protocol import FUNCTION, TAU

_FIELDS = ("calls", "exclusive", "inclusive", "exclusive_cpu", "inclusive_cpu")


class _NewestState(SeriesState):
    """``buffer`` holds whole states, in the order in which they came about."""

    def _fold(self, batch: List[Any], folded: Folded, drain: Change) -> None:
        change_together((folded, 0, batch[-1]), drain)


class FunctionState(_NewestState):
    """One function: calls, then nanoseconds, None for what is not measured."""

    kind = FUNCTION
    empty = (0, None, None, None, None)

    def _fields(self, *folded: Any) -> str:
        pairs = zip(_FIELDS, folded)
        return ",".join(['"%s":%d' % pair for pair in pairs if pair[1] is not None])


class RunState(_NewestState):
    """The run itself: monotonic time of the last dump, functions dropped, torn reads."""

    kind = TAU
    empty = (0.0, 0, 0)

    def _age(self) -> float:
        dumped: float = self.folded[0][0]
        return min(Native.monotonic() - dumped, 1e9)

    def _fields(self, *folded: Any) -> str:
        return '"dropped":%d,"torn":%d' % folded[1:]
