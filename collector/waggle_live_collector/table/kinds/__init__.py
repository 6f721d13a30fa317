"""The kinds of series, one module each: cell, what was applied, totals, and how they add up.

A new kind is one module here, one entry in each of these three unions, and one in the tables of
the exposition.
"""

from ...messages import Decoder
from .count import AppliedCount, CountTotals, MessagesCell, ProblemCell, UploadsCell
from .counter import AppliedCounter, CounterCell, CounterTotals
from .function import AppliedFunction, FunctionCell, FunctionTotals
from .gauge import AppliedGauge, GaugeCell, GaugeTotals
from .rate import AppliedRate, RateCell, RateTotals
from .tau_run import AppliedTauRun, TauRunCell, TauRunTotals
from .timer import AppliedTimer, TimerCell, TimerTotals

Cell = (
    TimerCell
    | RateCell
    | GaugeCell
    | CounterCell
    | MessagesCell
    | UploadsCell
    | ProblemCell
    | FunctionCell
    | TauRunCell
)
AnyApplied = (
    AppliedTimer
    | AppliedRate
    | AppliedGauge
    | AppliedCounter
    | AppliedCount
    | AppliedFunction
    | AppliedTauRun
)
AnyTotals = (
    TimerTotals
    | RateTotals
    | GaugeTotals
    | CounterTotals
    | CountTotals
    | FunctionTotals
    | TauRunTotals
)

#: Decodes the lines of clients.
DECODER = Decoder(Cell)
