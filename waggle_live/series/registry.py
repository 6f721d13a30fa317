"""All series of one process: found by name and labels, one kind per name, bounded in number."""

import threading
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..instruments.rate import RateSeries
from ..instruments.timer import TimerSeries
from ..instruments.values import Counter, Gauge
from ..wire.errors import InvalidMetric
from ..wire.protocol import (
    AUTHOR_KINDS,
    COUNTER,
    DEFAULT_MAX_SERIES,
    GAUGE,
    MESSAGES,
    OVERFLOW,
    RATE,
    TIMER,
    UPLOADS,
    Labels,
    check_labels,
    check_name,
)
from .problems import RECORD_ERROR, SERIES_LIMIT, Problems
from .state import Cell, CounterCell, GaugeCell, RateCell, TimerCell

_NO_LABELS: Labels = ()


class Registry:
    """Makes and keeps the series of a process. Thread-safe.

    At most ``max_series`` series exist; whatever comes above is recorded in the series
    ``__overflow__`` of its kind, where sums are exact, and counted as ``series_limit``.
    """

    def __init__(self, max_series: int = DEFAULT_MAX_SERIES) -> None:
        self.problems = Problems()
        self._max_series = max_series
        # RLock: a signal handler may make a series while its thread is making one, even the
        # same; so each is put in place by setdefault, and the first to come stays.
        self._lock = threading.RLock()
        self._kinds: Dict[str, str] = {}
        self._series: Dict[Tuple[str, str, Labels], Any] = {}
        self._overflow: Dict[str, Any] = {}
        #: How often a name was published, and files uploaded: filled by ``Plugin``.
        self._messages: Dict[str, CounterCell] = {}
        self._uploads: Dict[str, CounterCell] = {}

    def timer(self, name: str, labels: Mapping[str, Any]) -> TimerSeries:
        """Return the timer series of that name and labels; raises InvalidMetric, InvalidType."""
        series: TimerSeries = self._get(TIMER, name, labels)
        return series

    def rate(self, name: str, labels: Mapping[str, Any]) -> RateSeries:
        """Return the rate series of that name and labels; raises InvalidMetric, InvalidType."""
        series: RateSeries = self._get(RATE, name, labels)
        return series

    def gauge(self, name: str, labels: Mapping[str, Any]) -> Gauge:
        """Return the gauge of that name and labels; raises InvalidMetric, InvalidType."""
        gauge: Gauge = self._get(GAUGE, name, labels)
        return gauge

    def counter(self, name: str, labels: Mapping[str, Any]) -> Counter:
        """Return the counter of that name and labels; raises InvalidMetric, InvalidType."""
        counter: Counter = self._get(COUNTER, name, labels)
        return counter

    def declare(self, kinds: Mapping[str, str]) -> None:
        """Make an empty series for each name, so that it stands at 0 before its first use."""
        for name, kind in kinds.items():
            if kind not in AUTHOR_KINDS:
                raise InvalidMetric(
                    "declare(%s=...) takes one of TIMER, RATE, GAUGE, COUNTER, got %.60r"
                    % (name, kind)
                )
        for name, kind in kinds.items():
            self._get(kind, name, {})

    def kind_of(self, name: str) -> Optional[str]:
        """Return the kind that ``name`` has in this process, None while it has none."""
        return self._kinds.get(name)

    def count_message(self, name: str) -> None:
        """Count one published message. The names are bounded like series."""
        cell = self._messages.get(name)
        if cell is None:
            with self._lock:
                cell = self._messages.get(name)
                is_full = cell is None and self._is_full()
                if is_full or not _is_name(name):
                    # pywaggle also takes names that begin with "__" or end with a line feed.
                    name, cell = OVERFLOW, self._messages.get(OVERFLOW)
                if cell is None:
                    cell = self._messages.setdefault(name, CounterCell(name, kind=MESSAGES))
            if is_full:
                self._over_limit("message names")
        cell.count()

    def count_upload(self) -> None:
        """Count one uploaded file."""
        with self._lock:
            cell = self._uploads.get("")
            if cell is None:
                cell = self._uploads.setdefault("", CounterCell("", kind=UPLOADS))
        cell.count()

    def cells(self) -> List[Cell]:
        """Return all cells; a copy, since the application makes more at any time."""
        with self._lock:
            # Copied first: a ``__del__`` or signal handler may make a series in this very loop.
            made = [*self._series.values(), *self._overflow.values()]
            found: List[Cell] = [_cell(series) for series in made]
            found += self._messages.values()
            found += self.problems.cells.values()
            found += self._uploads.values()
            return found

    def call_functions(self) -> None:
        """Take the values of all gauges that have a function (see ``Gauge.set_function``)."""
        for cell in self.cells():
            if isinstance(cell, GaugeCell) and cell.function is not None:
                try:
                    Gauge(cell).set(cell.function())
                except Exception as error:
                    self.problems.count(RECORD_ERROR, "gauge %r: %r" % (cell.name, error))

    def reset(self) -> None:
        """Start all series at zero with new buffers and locks, in a forked child."""
        self._lock = threading.RLock()
        for cell in self.cells():
            cell.reset()
        for series in [*self._series.values(), *self._overflow.values()]:
            if isinstance(series, TimerSeries):
                series.rebind()

    def _get(self, kind: str, name: str, labels: Mapping[str, Any]) -> Any:
        if not labels:
            try:
                return self._series[kind, name, _NO_LABELS]  # a name that is here was checked
            except (KeyError, TypeError):
                pass
        key = (kind, check_name(name), check_labels(labels) if labels else _NO_LABELS)
        series = self._series.get(key)
        if series is not None:
            return series
        with self._lock:
            series = self._series.get(key)
            if series is not None:
                return series
            if self._kinds.get(name, kind) != kind:
                raise InvalidMetric(
                    "%r is a %s in this process already, so it can't be a %s: one kind per name"
                    % (name, self._kinds[name], kind)
                )
            if not self._is_full():
                self._kinds[name] = kind
                return self._series.setdefault(key, self._make(*key))
            if kind not in self._overflow:
                self._overflow.setdefault(kind, self._make(kind, OVERFLOW, _NO_LABELS))
        # Outside of the lock: a log handler may itself record something.
        self._over_limit("series, %s %r" % (kind, name))
        return self._overflow[kind]

    def _is_full(self) -> bool:
        return len(self._series) + len(self._messages) >= self._max_series

    def _over_limit(self, what: str) -> None:
        text = "more than %d %s and all new ones from now on are added up in %r"
        self.problems.count(SERIES_LIMIT, text % (self._max_series, what, OVERFLOW))

    def _make(self, kind: str, name: str, labels: Labels) -> Any:
        if kind == TIMER:
            return TimerSeries(TimerCell(name, labels), self.problems)
        if kind == RATE:
            return RateSeries(RateCell(name, labels), self.problems)
        if kind == GAUGE:
            return Gauge(GaugeCell(name, labels))
        return Counter(CounterCell(name, labels))


def _is_name(name: str) -> bool:
    try:
        check_name(name)
    except InvalidMetric:
        return False
    return True


def _cell(series: Any) -> Cell:
    cell: Cell = series.cell if isinstance(series, TimerSeries) else series._cell
    return cell
