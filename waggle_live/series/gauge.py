"""The state of a gauge: its newest value."""

from typing import Any, List

from ..native import Native
from ..wire.protocol import GAUGE, encode_number
from .state import Change, Folded, SeriesState, change_together


class GaugeState(SeriesState):
    """The newest value.

    ``buffer`` holds ``(clock, value)`` of a set and ``(clock, delta, True)`` of an inc or dec, in
    the order of the calls.
    """

    kind = GAUGE
    # Before its first set a gauge is 0, as in prometheus_client, and as old as the clock. So a
    # value set by any process of the plugin is newer.
    empty = (0.0, 0)

    def _fold(self, batch: List[Any], folded: Folded, drain: Change) -> None:
        first = len(batch) - 1
        while first and len(batch[first]) > 2:
            first -= 1
        value = folded[0][0]
        for entry in batch[first:]:
            value = value + entry[1] if len(entry) > 2 else entry[1]
        change_together((folded, 0, (value, batch[-1][0])), drain)

    def _give(self, into: SeriesState, timeout: float) -> bool:
        return True  # values of several gauges can't be added: it isn't sent

    def _age(self) -> float:
        age: float = (Native.perf_counter_ns() - self.folded[0][1]) / 1e9
        return age

    def _fields(self, *folded: Any) -> str:
        return '"value":' + encode_number(folded[0])
