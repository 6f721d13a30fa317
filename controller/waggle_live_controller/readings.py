"""The readings of a plugin's series: immutable values, and mappings to find them in.

Durations and ages are in seconds. None means unknown, and is never written as 0. A timer without a
sample in the last 10 s has no mean, and an ended plugin has no rate. ``age``: seconds from the
latest update of the series to the node's answer.
"""

from typing import Dict, Generic, Iterable, Iterator, Mapping, NamedTuple, Optional, Tuple, TypeVar

from .errors import UnknownSeries
from .hints import names_its_fields


@names_its_fields
class TimerReading(NamedTuple):
    """How long something takes: since the start, the latest time, and in the last 10 s."""

    name: str
    labels: Mapping[str, str]
    age: Optional[float]
    count: int  # type: ignore[assignment]  # it hides tuple.count, which nobody needs here
    sum: float
    failures: int
    #: The most recent duration, of any age; None before the first one.
    last: Optional[float]
    #: Over the last 10 s; None if nothing was timed then.
    mean: Optional[float]
    p50: Optional[float]
    p95: Optional[float]
    p99: Optional[float]


@names_its_fields
class RateReading(NamedTuple):
    """How often something happens."""

    name: str
    labels: Mapping[str, str]
    age: Optional[float]
    total: int
    #: Events per second over the last 10 s. 0.0: the plugin is heard, and nothing happened. None:
    #: it is not heard.
    per_second: Optional[float]
    #: For a rate that is used as a block: 1 / the mean duration of its blocks over the last 10 s.
    #: None for a ticked rate, without a block in the last 10 s, for a plugin that is not heard, and
    #: from collectors that don't report it.
    block_per_second: Optional[float]
    #: From the latest event or block alone, of any age.
    last: Optional[float]


@names_its_fields
class GaugeReading(NamedTuple):
    """A value as it was last set. None for NaN and infinities, which JSON doesn't have."""

    name: str
    labels: Mapping[str, str]
    age: Optional[float]
    value: Optional[float]


@names_its_fields
class CounterReading(NamedTuple):
    """A sum that only rises."""

    name: str
    labels: Mapping[str, str]
    age: Optional[float]
    total: Optional[float]


@names_its_fields
class TimerDifference(NamedTuple):
    """What a timer measured between two snapshots. Unknown values are None."""

    name: str
    labels: Mapping[str, str]
    count: Optional[int]  # type: ignore[assignment]  # it hides tuple.count, which nobody needs here
    sum: Optional[float]
    failures: Optional[int]

    @property
    def mean(self) -> Optional[float]:
        """The mean duration in seconds; None if unknown or without a sample."""
        return self.sum / self.count if self.count and self.sum is not None else None


@names_its_fields
class RateDifference(NamedTuple):
    """What a rate counted between two snapshots. Unknown values are None."""

    name: str
    labels: Mapping[str, str]
    events: Optional[int]
    per_second: Optional[float]
    #: CPU seconds of the whole plugin per event; None if unknown or without an event. A process
    #: reports its CPU time every 2 s, so it is meaningful over 10 s and more.
    cpu: Optional[float]


def series_key(name: str, labels: Mapping[str, str]) -> str:
    """Return ``name{key="value",...}`` in Prometheus's notation; the bare name without labels.

    Labels are sorted. Different labels never give the same key.
    """
    if not labels:
        return name
    pairs = ('%s="%s"' % (key, _escaped(labels[key])) for key in sorted(labels))
    return "%s{%s}" % (name, ",".join(pairs))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


Reading = TypeVar(
    "Reading",
    TimerReading,
    RateReading,
    GaugeReading,
    CounterReading,
    TimerDifference,
    RateDifference,
)


class Readings(Mapping[str, Reading], Generic[Reading]):
    """The readings of one kind by the keys of their series. Immutable and thread-safe.

    ``timers["inference"]``; with labels ``timers['inference{model="yolov7"}']`` or
    ``timers.labelled("inference", model="yolov7")``. Iteration goes over all of them. A missing key
    raises UnknownSeries, a KeyError.
    """

    def __init__(self, kind: str, readings: Iterable[Reading]) -> None:
        self._kind = kind
        self._by_key: Dict[str, Reading] = {
            series_key(reading.name, reading.labels): reading for reading in readings
        }

    def __getitem__(self, key: str) -> Reading:
        found = self._by_key.get(key)
        if found is None:
            known = ", ".join(self._by_key) or "none"
            raise UnknownSeries("no %s %s; there are: %s" % (self._kind, key, known))
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_key)

    def __len__(self) -> int:
        return len(self._by_key)

    def __repr__(self) -> str:
        return "<%ss: %s>" % (self._kind, ", ".join(self._by_key) or "none")

    def labelled(self, name: str, **labels: str) -> Reading:
        """Return the series with exactly these labels. Raises UnknownSeries if there is none."""
        return self[series_key(name, labels)]

    def named(self, name: str) -> Tuple[Reading, ...]:
        """Return all series of that name, with any labels; empty if there are none."""
        return tuple(each for each in self._by_key.values() if each.name == name)
