"""The state of one function, whoever measured it."""

from typing import Any, List, Optional, Tuple

from ..series.state import Change, Folded, SeriesState, change_together
from ..wire.protocol import FUNCTION

_FIELDS = ("calls", "exclusive", "inclusive", "exclusive_cpu")

#: Calls, then nanoseconds: exclusive and inclusive wall clock, exclusive CPU. None stands for what
#: is not measured.
Values = Tuple[Optional[int], ...]


class NewestState(SeriesState):
    """Each value of ``buffer`` is the whole state; they stand in the order they came about."""

    def _fold(self, batch: List[Any], folded: Folded, drain: Change) -> None:
        change_together((folded, 0, batch[-1]), drain)


class FunctionState(NewestState):
    """One function as one profiler measured it; record :data:`Values`."""

    kind = FUNCTION
    empty: Values = (None, None, None, None)
    #: Does TAU measure no more calls of it, so that their time counts for their callers?
    throttled = False

    def __init__(self, function: str, profiler: str) -> None:
        super().__init__(function, (("profiler", profiler),))

    def _fields(self, *folded: Any) -> str:
        pairs = zip(_FIELDS, folded)
        text = ",".join(['"%s":%d' % pair for pair in pairs if pair[1] is not None])
        return text + ',"throttled":true' if self.throttled else text
