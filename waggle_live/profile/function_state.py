"""The state of one function, whatever measured it."""

from typing import Any, List, Optional, Tuple

from ..series.state import Change, Folded, SeriesState, change_together
from ..wire.protocol import FUNCTION

_FIELDS = ("calls", "exclusive", "inclusive", "exclusive_cpu")

#: Calls, then nanoseconds: exclusive and inclusive wall clock, exclusive CPU. None means not
#: measured.
Values = Tuple[Optional[int], ...]


class NewestState(SeriesState):
    """A state whose ``buffer`` holds whole states, in the order of their making."""

    def _fold(self, batch: List[Any], folded: Folded, drain: Change) -> None:
        change_together((folded, 0, batch[-1]), drain)


class FunctionState(NewestState):
    """One function as one profiler measured it. Record :data:`Values`."""

    kind = FUNCTION
    empty: Values = (None, None, None, None)
    #: Whether TAU has stopped measuring it, so that its time counts for its callers.
    throttled = False

    def __init__(self, function: str, profiler: str) -> None:
        super().__init__(function, (("profiler", profiler),))

    def _fields(self, *folded: Any) -> str:
        pairs = zip(_FIELDS, folded)
        text = ",".join(['"%s":%d' % pair for pair in pairs if pair[1] is not None])
        return text + ',"throttled":true' if self.throttled else text
