"""All series of one process: found by name and labels, one kind per name, limited in number."""

from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, Type

from ..native import Native
from ..wire import protocol
from ..wire.errors import InvalidMetric, describe
from ..wire.protocol import DEFAULT_MAX_SERIES, OVERFLOW, Labels, check_labels, check_name
from .counter import CounterState
from .gauge import GaugeState
from .problems import Problems
from .rate import RateState
from .state import SeriesState
from .timer import TimerState

#: The state class of each kind that an author makes.
STATES: Dict[str, Type[SeriesState]] = {
    state.kind: state for state in (TimerState, RateState, GaugeState, CounterState)
}
#: Makes the instrument of a kind, which records into that state.
Instruments = Mapping[str, Callable[..., Any]]
_Key = Tuple[str, str, Labels]

_NO_LABELS: Labels = ()


class _Messages(CounterState):
    """How often a name was published."""

    kind = protocol.MESSAGES


class _Uploads(CounterState):
    """How many files were uploaded."""

    kind = protocol.UPLOADS


class Registry:
    """Makes and keeps the series of a process, each with its instrument. Thread-safe.

    ``instruments`` makes an instrument by kind. ``begin`` is called after each series' first value
    since its reset, and when series are declared. At most ``max_series`` series exist. Further ones
    are added up exactly in the series ``__overflow__`` of their kind, and counted as
    ``series_limit``. So are those that the collector has no room for, counted as ``budget``. It is
    pickled as the ``registry`` of its ``owner``, and its series by kind, name and labels.
    """

    def __init__(
        self,
        instruments: Instruments,
        max_series: int = DEFAULT_MAX_SERIES,
        begin: Optional[Callable[[], None]] = None,
        owner: Any = None,
    ) -> None:
        self._begin = begin
        self._owner = owner
        self.problems = Problems()
        self._instruments = instruments
        self._max_series = max_series
        # RLock: a signal handler may make a series while its thread makes one, even the same. So
        # each is put in place by setdefault, and the first one stays.
        self._lock = Native.RLock()
        self._kinds: Dict[str, str] = {}
        self._series: Dict[_Key, Tuple[SeriesState, Any]] = {}
        #: Series that ``waggle-live run`` records into, under names that the author doesn't use.
        self._automatic: Dict[_Key, Tuple[SeriesState, Any]] = {}
        self._overflow: Dict[str, Tuple[SeriesState, Any]] = {}
        self._messages: Dict[str, SeriesState] = {}
        self._uploads: Dict[str, _Uploads] = {}

    def get(self, kind: str, name: str, labels: Mapping[str, Any]) -> Any:
        """Return the instrument of that kind, name and labels, made at the first call.

        Raises InvalidMetric or InvalidType for a bad name or label, InvalidMetric for a name that
        has another kind.
        """
        if not labels:
            try:
                return self._series[kind, name, _NO_LABELS][1]  # its name was checked
            except (KeyError, TypeError):
                pass
        return self._find(kind, check_name(name), check_labels(labels) if labels else _NO_LABELS)[1]

    def automatic(self, kind: str, name: str, labels: Mapping[str, Any]) -> Any:
        """Return the instrument of a series that ``waggle-live run`` records into.

        None if the author uses the name. Once the author does, the series is no longer sent, but
        one of the same kind and labels becomes the author's.
        """
        key = (kind, name, check_labels(labels))
        with self._lock:
            if name in self._kinds:
                return None
            if key not in self._automatic and not self._is_full():
                self._automatic.setdefault(key, self._make(*key))
            if key in self._automatic:
                return self._automatic[key][1]
        self._over_limit("series, %s %r" % (kind, name))
        return self._find(kind, OVERFLOW, _NO_LABELS)[1]

    def instrument_of(self, kind: str, name: str, labels: Labels) -> Any:
        """Return the instrument of a series whose name and labels were checked.

        Raises InvalidMetric for a name that has another kind.
        """
        return self._find(kind, name, labels)[1]

    def state_of(self, kind: str, name: str, labels: Labels) -> SeriesState:
        """Return the state of a series whose name and labels were checked.

        Raises InvalidMetric for a name that has another kind.
        """
        return self._find(kind, name, labels)[0]

    def __reduce__(self) -> Tuple[Any, ...]:
        return getattr, (self._owner, "registry")

    def _find(self, kind: str, name: str, labels: Labels) -> Tuple[SeriesState, Any]:
        key = (kind, name, labels)
        if key in self._series:
            return self._series[key]
        with self._lock:
            if key in self._series:
                return self._series[key]
            if self._kinds.get(name, kind) != kind:
                raise InvalidMetric(
                    "%r is a %s in this process already, so it can't be a %s: one kind per name"
                    % (name, self._kinds[name], kind)
                )
            if not self._is_full() and name != OVERFLOW:
                self._kinds[name] = kind
                made = self._automatic.pop(key, None) or self._make(*key)
                return self._series.setdefault(key, made)
            overflow = self._overflow_of(kind)
        if name != OVERFLOW:  # else it was over the limit where it was pickled
            # Outside of the lock: a log handler may record something itself.
            self._over_limit("series, %s %r" % (kind, name))
        return overflow

    def declare(self, kinds: Mapping[str, str]) -> None:
        """Make an empty series for each name, so that it stands at 0 before its first use.

        Raises InvalidMetric for a bad kind or name, or a name that has another kind.
        """
        for name, kind in kinds.items():
            if not isinstance(kind, str) or kind not in STATES:
                raise InvalidMetric(
                    "declare(%s=...) takes one of TIMER, RATE, GAUGE, COUNTER, got %s"
                    % (name, describe(kind))
                )
        for name, kind in kinds.items():
            self.get(kind, name, {})
        if self._begin is not None:
            self._begin()

    def kind_of(self, name: str) -> Optional[str]:
        """Return the kind of the author's ``name``, None if it isn't used."""
        return self._kinds.get(name)

    def count_message(self, name: str) -> None:
        """Count one published message. The number of names is limited as that of series."""
        state: Any = self._messages.get(name)
        if state is None:
            with self._lock:
                is_full = name not in self._messages and self._is_full()
                # pywaggle also takes names that begin with "__" or end with a line feed.
                if is_full or not _is_name(name):
                    state = self._overflow_of(protocol.MESSAGES)[0]
                else:
                    state = self._messages.setdefault(name, self._make_messages(name))
            if is_full:
                self._over_limit("message names")
        state.count()

    def count_upload(self) -> None:
        """Count one uploaded file."""
        self._uploads.setdefault("", _Uploads("", (), self._begin)).count()

    def states(self) -> List[SeriesState]:
        """Return a copy of the list of all states, since more are made at any time.

        Takes no lock: eventlet replaces ours by one on which no other thread may wait. Each copy is
        one step, and a state made meanwhile is seen by the next call.
        """
        found = [state for state, _ in list(self._series.values())]
        ours = list(self._automatic.items())
        found += [state for key, (state, _) in ours if key[1] not in self._kinds]
        found += list(self._messages.values())
        # After all series that may be added up in them.
        found += [state for state, _ in list(self._overflow.values())]
        found += list(self.problems.states.values())
        found += list(self._uploads.values())
        return found

    def fold_away(self, state: SeriesState) -> None:
        """Add a series up in the overflow of its kind from now on, until the session ends.

        For series that the collector has no room for. A gauge is left out.
        """
        if state.into is not None or state.name == OVERFLOW:
            return
        if state.kind == protocol.GAUGE:
            state.into = state
        else:
            with self._lock:
                state.into = self._overflow_of(state.kind)[0]
        state.changed = True  # so that the next send includes what it told before
        text = "the collector has no room for %s %r: its values and those of all new series are %s"
        what = "added up in %r, but for gauges, until this session ends" % OVERFLOW
        self.problems.count(protocol.BUDGET, text % (state.kind, state.name, what))

    def reset(self) -> None:
        """Start all series at zero with new buffers and locks, in a forked child."""
        self._lock = Native.RLock()
        for state in self.states():
            state.reset()

    def _is_full(self) -> bool:
        made = len(self._series) + len(self._automatic) + len(self._messages)
        return made >= self._max_series

    def _over_limit(self, what: str) -> None:
        text = "more than %d %s and all new ones from now on are added up in %r"
        self.problems.count(protocol.SERIES_LIMIT, text % (self._max_series, what, OVERFLOW))

    def _overflow_of(self, kind: str) -> Tuple[SeriesState, Any]:
        """Return the overflow series of a kind. Call it with the lock held."""
        if kind not in self._overflow:
            if kind == protocol.MESSAGES:
                made = self._make_messages(OVERFLOW), None
            else:
                made = self._make(kind, OVERFLOW, _NO_LABELS)
            self._overflow.setdefault(kind, made)
        return self._overflow[kind]

    def _make_messages(self, name: str) -> SeriesState:
        state = _Messages(name, (), self._begin)
        state.registry = self
        return state

    def _make(self, kind: str, name: str, labels: Labels) -> Tuple[SeriesState, Any]:
        state = STATES[kind](name, labels, self._begin)
        state.registry = self
        return state, self._instruments[kind](state, self.problems)


def _is_name(name: str) -> bool:
    try:
        check_name(name)
    except InvalidMetric:
        return False
    return True
