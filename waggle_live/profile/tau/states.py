"""The cells that carry TAU's functions: each value is the state itself, so the newest counts."""

from typing import Any, Dict, List, Tuple

from ...clock import monotonic
from ...series.state import Cell, Change, change_together
from ...wire.protocol import FUNCTION, TAU

_FIELDS = ("calls", "exclusive", "inclusive", "exclusive_cpu", "inclusive_cpu")


class _StateCell(Cell):
    """``buffer`` holds whole states, in the order in which they came about."""

    __slots__ = ()

    def _fold(self, batch: List[Any], state: List[Tuple[Any, ...]], drain: Change) -> None:
        change_together((state, 0, batch[-1]), drain)


class FunctionCell(_StateCell):
    """One function: calls, then nanoseconds, None for what is not measured."""

    __slots__ = ()
    empty = (0, None, None, None, None)

    def __init__(self, name: str) -> None:
        super().__init__(FUNCTION, name)

    def _message(self, *state: Any) -> Dict[str, Any]:
        return {field: value for field, value in zip(_FIELDS, state) if value is not None}


class TauCell(_StateCell):
    """The run itself: monotonic time of the last dump, functions dropped, torn reads."""

    __slots__ = ()
    empty = (0.0, 0, 0)

    def __init__(self) -> None:
        super().__init__(TAU, "")

    def _message(self, *state: Any) -> Dict[str, Any]:
        dumped, dropped, torn = state
        age = min(max(0.0, monotonic() - dumped), 1e9)
        return {"age": round(age, 6), "dropped": dropped, "torn": torn}
