"""The states of TAU's functions: each value is the whole state, so the newest counts."""

from typing import Any, Dict, List

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

    def _message(self, *folded: Any) -> Dict[str, Any]:
        return {field: value for field, value in zip(_FIELDS, folded) if value is not None}


class RunState(_NewestState):
    """The run itself: monotonic time of the last dump, functions dropped, torn reads."""

    kind = TAU
    empty = (0.0, 0, 0)

    def _message(self, *folded: Any) -> Dict[str, Any]:
        dumped, dropped, torn = folded
        age = min(max(0.0, Native.monotonic() - dumped), 1e9)
        return {"age": round(age, 6), "dropped": dropped, "torn": torn}
