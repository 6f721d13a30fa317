"""What a session's cells were when they were last counted.

A new cell is compared with the held one, and the difference goes into the merged series. So
what is held is exactly what of this process is contained in the totals: a repeated cell adds
nothing, and a process may come back after any time without being counted twice. These rows
are written to the state file as they are.
"""

from msgspec import Struct

from waggle_live.wire.protocol import COUNTER, FUNCTION, GAUGE, RATE, TAU, TIMER, Labels


class HeldTimer(Struct, array_like=True, tag=TIMER, gc=False):
    """Counted state of a timer cell; ``buckets`` add up to ``count``."""

    name: str
    labels: Labels
    count: int = 0
    sum: int = 0
    failures: int = 0
    buckets: dict[int, int] = {}


class HeldRate(Struct, array_like=True, tag=RATE, gc=False):
    """Counted state of a rate cell."""

    name: str
    labels: Labels
    count: int = 0
    sum: int = 0


class HeldGauge(Struct, array_like=True, tag=GAUGE, gc=False):
    """A gauge's value as ``protocol.encode_number`` writes it, set at the monotonic ``at``."""

    name: str
    labels: Labels
    value: float | str = 0.0
    at: float = 0.0


class HeldCounter(Struct, array_like=True, tag=COUNTER, gc=False):
    """Counted state of a counter cell."""

    name: str
    labels: Labels
    value: float = 0.0


class HeldCount(Struct, array_like=True, tag="count", gc=False):
    """What the client counts by itself: messages, uploads, problems."""

    kind: str
    name: str
    labels: Labels
    value: int = 0


class HeldFunction(Struct, array_like=True, tag=FUNCTION, gc=False):
    """Counted state of a function that TAU measured."""

    name: str
    labels: Labels
    calls: int = 0
    exclusive: int = 0
    inclusive: int = 0
    exclusive_cpu: int = 0
    inclusive_cpu: int = 0


class HeldTau(Struct, array_like=True, tag=TAU, gc=False):
    """Counted state of a run under TAU."""

    name: str
    labels: Labels
    dropped: int = 0
    torn: int = 0


Held = HeldTimer | HeldRate | HeldGauge | HeldCounter | HeldCount | HeldFunction | HeldTau
