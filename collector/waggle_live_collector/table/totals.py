"""What a merged series adds up to: the rows of the state file, one kind each."""

from msgspec import Struct

from waggle_live.wire.protocol import Labels


class TimerTotals(Struct, array_like=True, tag="timer"):
    """Merged durations: integers in nanoseconds; ``bins`` count per bound, not cumulated."""

    name: str
    labels: Labels
    count: int = 0
    sum: int = 0
    failures: int = 0
    bins: list[int] = []
    last: int | None = None
    last_at: float = 0.0
    updated: float = 0.0


class RateTotals(Struct, array_like=True, tag="rate"):
    """Merged events; ``block`` says that ``sum`` (ns) is meant."""

    name: str
    labels: Labels
    count: int = 0
    sum: int = 0
    block: bool = False
    last: int | None = None
    last_at: float = 0.0
    updated: float = 0.0


class GaugeTotals(Struct, array_like=True, tag="gauge"):
    """What ended processes left behind; the values of live ones stand in their own cells."""

    name: str
    labels: Labels
    ended: float | str | None = None
    ended_at: float = 0.0
    updated: float = 0.0


class CounterTotals(Struct, array_like=True, tag="counter"):
    """The exact sum of an author's counter, as its parts."""

    name: str
    labels: Labels
    parts: list[float] = []
    updated: float = 0.0


class CountTotals(Struct, array_like=True, tag="count"):
    """Messages, uploads or problems."""

    kind: str
    name: str
    labels: Labels
    value: int = 0
    updated: float = 0.0


class FunctionTotals(Struct, array_like=True, tag="function"):
    """What TAU measured of a function, in nanoseconds; None where no process measured it."""

    name: str
    labels: Labels
    calls: int = 0
    exclusive: int | None = None
    inclusive: int | None = None
    exclusive_cpu: int | None = None
    inclusive_cpu: int | None = None
    updated: float = 0.0


class TauTotals(Struct, array_like=True, tag="tau"):
    """All runs under TAU; ``dumped_at``: when the newest dump of any was made."""

    name: str
    labels: Labels
    dropped: int = 0
    torn: int = 0
    dumped_at: float = 0.0
    updated: float = 0.0


Totals = (
    TimerTotals
    | RateTotals
    | GaugeTotals
    | CounterTotals
    | CountTotals
    | FunctionTotals
    | TauTotals
)


def shift_times(totals: Totals, seconds: float) -> None:
    """Move the monotonic times of a row that was written by another clock."""
    if totals.updated:
        totals.updated += seconds
    if isinstance(totals, TimerTotals | RateTotals):
        totals.last_at += seconds
    elif isinstance(totals, GaugeTotals):
        totals.ended_at += seconds
    elif isinstance(totals, TauTotals):
        totals.dumped_at += seconds
