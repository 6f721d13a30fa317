"""The kinds of series, one module each: its rows (``table/series.py``) and how they add up.

A new kind needs a module here, an entry in each of the three unions, and one in the tables of the
exposition.
"""

from typing import Union

from ...messages import Decoder
from .count import CountCell, CountRow
from .counter import AppliedCounter, CounterCell, CounterTotals
from .function import FunctionCell, FunctionRow, FunctionTotals
from .gauge import AppliedGauge, GaugeCell, GaugeTotals
from .rate import AppliedRate, RateCell, RateTotals
from .tau_run import TauRunCell, TauRunRow
from .timer import AppliedTimer, TimerCell, TimerTotals

Cell = Union[TimerCell, RateCell, GaugeCell, CounterCell, CountCell, FunctionCell, TauRunCell]
AnyApplied = Union[
    AppliedTimer, AppliedRate, AppliedGauge, AppliedCounter, CountRow, FunctionRow, TauRunRow
]
AnyTotals = Union[
    TimerTotals, RateTotals, GaugeTotals, CounterTotals, CountRow, FunctionTotals, TauRunRow
]

#: Decodes lines of clients.
DECODER = Decoder(Cell)
