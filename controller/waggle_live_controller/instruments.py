"""What a plugin's instruments said: values that don't change, and mappings to find them in.

Durations and ages are in seconds. ``None`` is what nobody knows, and never a zero: what was not
measured in the last 10 s has no mean, and what has left has no rate. ``age`` is the time from the
latest update of the series to the node's answer.
"""

from typing import Dict, Generic, Iterable, Iterator, Mapping, NamedTuple, Optional, Tuple, TypeVar

from .errors import UnknownSeries


class Timer(NamedTuple):
    """How long something takes: all since the start, the latest, and the last 10 s."""

    name: str
    labels: Mapping[str, str]
    age: Optional[float]
    count: int  # type: ignore[assignment]  # a tuple's own count() is of no use here
    sum: float
    failures: int
    #: The most recent duration, however old it is; None while nothing was timed.
    last: Optional[float]
    #: Of the last 10 s; None while nothing was timed in them.
    mean: Optional[float]
    p50: Optional[float]
    p95: Optional[float]
    p99: Optional[float]


class Rate(NamedTuple):
    """How often something happens."""

    name: str
    labels: Mapping[str, str]
    age: Optional[float]
    total: int
    #: Over the last 10 s. 0.0 is said only of a plugin that is up and heard, and in which nothing
    #: happened; None of all others.
    per_second: Optional[float]
    #: By the latest event or block alone, however old it is.
    last: Optional[float]


class Gauge(NamedTuple):
    """A value as it was set last; None for NaN and the infinities, which JSON doesn't have."""

    name: str
    labels: Mapping[str, str]
    age: Optional[float]
    value: Optional[float]


class Counter(NamedTuple):
    """A sum that only rises."""

    name: str
    labels: Mapping[str, str]
    age: Optional[float]
    total: Optional[float]


def labelled(name: str, labels: Mapping[str, str]) -> str:
    """Return ``name{key="value",...}`` as Prometheus writes it, labels in order; the bare name
    when there are none. No two sets of labels are written alike."""
    if not labels:
        return name
    pairs = ('%s="%s"' % (key, _escaped(labels[key])) for key in sorted(labels))
    return "%s{%s}" % (name, ",".join(pairs))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


Instrument = TypeVar("Instrument", Timer, Rate, Gauge, Counter)


class Instruments(Mapping[str, Instrument], Generic[Instrument]):
    """The series of one kind by their keys: ``timers["inference"]``, and of one with labels
    ``timers['inference{model="yolov7"}']`` or ``timers.labelled("inference", model="yolov7")``.

    Iteration goes over all of them. A key that isn't there is an UnknownSeries, a KeyError.
    """

    def __init__(self, kind: str, instruments: Iterable[Instrument]) -> None:
        self._kind = kind
        self._by_key: Dict[str, Instrument] = {}
        for instrument in instruments:
            self._by_key[labelled(instrument.name, instrument.labels)] = instrument

    def __getitem__(self, key: str) -> Instrument:
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

    def labelled(self, name: str, **labels: str) -> Instrument:
        """Return the series with exactly these labels; raises UnknownSeries."""
        return self[labelled(name, labels)]

    def named(self, name: str) -> Tuple[Instrument, ...]:
        """Return all series of that name, whatever their labels; empty if there are none."""
        return tuple(each for each in self._by_key.values() if each.name == name)
