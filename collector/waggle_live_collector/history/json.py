"""``/api/v1/history``: the last ten minutes of each series as JSON."""

from collections.abc import Iterable, Iterator
from math import isfinite

from msgspec import json

from waggle_live.wire import protocol

from ..clock import Clock
from ..table.table import Table
from .curve import STEP_SECONDS, Curve
from .history import History

#: The page draws gauges from their least value up, and top the memory. A small change needs digits.
_DIGITS = {protocol.GAUGE: "%.7g", "memory": "%.7g"}
_FEW_DIGITS = "%.3g"


class HistoryApi:
    """Builds the answer from the curves. Belongs to the event loop."""

    def __init__(self, *, history: History, table: Table, clock: Clock) -> None:
        self._history = history
        self._table = table
        self._clock = clock

    def text(self) -> Iterator[bytes]:
        """Yield the JSON text in pieces. Others may have their turn between."""
        self._clock.refresh()
        now, step = self._clock.monotonic(), self._history.step
        head = {
            "now": self._clock.unix(now),
            "step": STEP_SECONDS,
            "until": None if step is None else self._clock.unix(step * STEP_SECONDS),
        }
        yield json.encode(head)[:-1] + b',"plugins":['
        comma = b""
        for plugin in list(self._table.shown(now)):
            curves = [] if step is None else self._history.of(plugin)
            yield comma + json.encode(plugin.identity._asdict())[:-1] + b',"series":['
            comma = b""
            for curve in curves:
                yield comma + _curve(curve, step or 0)
                comma = b","
            yield b"]}"
            comma = b","
        yield b"]}"


def _curve(curve: Curve, step: int) -> bytes:
    """Return the JSON of a curve up to ``step``, without steps recorded meanwhile."""
    key = curve.key
    told = json.encode({"kind": key.kind, "name": key.name, "labels": dict(key.labels)})[:-1]
    later = max(curve.step - step, 0)
    digits = _DIGITS.get(key.kind, _FEW_DIGITS)
    for name, values in curve.rows().items():
        shown = values[: len(values) - later]
        told += b',"%b":[%b]' % (name.encode(), _numbers(shown, digits).encode())
    return told + b"}"


def _numbers(values: Iterable[float], digits: str) -> str:
    return ",".join([digits % value if isfinite(value) else "null" for value in values])
