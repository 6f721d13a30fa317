"""The state of a run under TAU."""

from typing import Any

from ...native import Native
from ...wire.protocol import TAU
from ..function_state import NewestState


class RunState(NewestState):
    """The monotonic time of the last dump, the number of functions dropped, and of torn reads."""

    kind = TAU
    empty = (0.0, 0, 0)

    def _age(self) -> float:
        dumped: float = self.folded[0][0]
        return min(Native.monotonic() - dumped, 1e9)

    def _fields(self, *folded: Any) -> str:
        return '"dropped":%d,"torn":%d' % folded[1:]
