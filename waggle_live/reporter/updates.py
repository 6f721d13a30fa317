"""The updates of a session: lines with its changed series and the process's figures.

An internal error costs one cell or one line of figures, and is logged.
"""

from typing import Any, Callable, Dict, List, Optional, Sequence, Set, Tuple, Union

from ..logs import LogOnce
from ..native import Native
from ..series.state import LastCell, SeriesState
from ..wire.protocol import Labels, encode_updates
from ..wire.refusal import decode_refused
from . import fork
from .session import Session
from .usage import Figures

#: Seconds between process figures while there is something else to send, and while there isn't.
PROCESS_INTERVAL, IDLE_PROCESS_INTERVAL = 1.0, 2.0
#: Seconds that a running fold gets at the end of a session: many times what one takes.
FOLD_SECONDS = 0.05
UNSENT = "%s can't be sent because of an internal error; other series are sent"

State = Union[SeriesState, LastCell]
Key = Tuple[str, str, Labels]


class Updates:
    """Takes the cells of a session's series. Used by the sender's thread alone."""

    def __init__(
        self,
        *,
        states: Callable[[], List[SeriesState]],
        session: Session,
        usage: Optional[Figures],
        log_once: LogOnce,
    ) -> None:
        self._all = states
        self._session = session
        self._usage = usage
        self._log_once = log_once
        self._last: Optional[List[LastCell]] = None
        #: The series sent on this connection, in the order of their first cells with a value, or
        #: else without one; and the keys of those sent on an earlier connection.
        self._sent: Dict[Key, SeriesState] = {}
        self._sent_before: Set[Key] = set()
        #: The keys in ``_sent`` that were sent without a value only.
        self._sent_empty: Set[Key] = set()
        #: Whether the collector has refused a series for lack of room on this connection.
        self._is_full = False
        #: Number of the latest update with a new series. Once a later question is answered, all
        #: refusals are known.
        self.newest = 0
        #: Number of the latest update before refused values went elsewhere.
        self.refused_at = 0
        self._since = session.started
        self._next_process = 0.0

    @property
    def is_last(self) -> bool:
        """Tell whether the session has ended, and what is still sent was taken at its end."""
        return self._last is not None

    def states(self) -> List[SeriesState]:
        """Return the states whose values still belong to this session; none after its end."""
        return self._all() if self._last is None else []

    def take(self, everything: bool) -> Tuple[List[bytes], bool]:
        """Return the lines of the series that changed, or of ``everything``.

        The second value is False if a series was just being folded, and is left to the next call.
        """
        now = Native.monotonic()
        if everything:
            self._sent_before.update(self._sent)
            self._sent, self._sent_empty, self._is_full = {}, set(), False
        states: Sequence[State] = self._last if self._last is not None else self._current()
        cells: List[str] = []
        complete = True
        for state in states:
            if everything or state.values or state.changed:
                try:
                    has_value = isinstance(state, SeriesState) and state.recorded_at > 0
                    cell = state.take()
                    if cell:
                        self._note(state, has_value)
                        cells.append(cell)
                except Exception as error:
                    self._log_once.fault(error, UNSENT, _title(state))
                    continue
                if cell is None:
                    state.changed = True
                    complete = False
        process = None
        # Sent even without figures: a process that sends nothing for longer counts as silent.
        is_due = now >= self._next_process or everything
        if is_due:
            process = self.process()
            self._next_process = now + IDLE_PROCESS_INTERVAL
        if cells:
            self._next_process = min(self._next_process, now + PROCESS_INTERVAL)
        lines = []
        if cells or is_due:
            first = self._session.number + 1
            for number, line in encode_updates(cells, first, now, self._since, process):
                self._session.number = number
                lines.append(line)
        self._since = now
        return lines, complete

    def _current(self) -> List[SeriesState]:
        """Return all states.

        If the collector takes no new series, those that it hasn't seen are folded away, also later
        ones.
        """
        while True:
            states = self._all()
            is_new = False
            for state in states if self._is_full else ():
                is_known = state.key in self._sent or state.key in self._sent_before
                if not is_known and state.registry is not None and state.into is None:
                    state.registry.fold_away(state)
                    is_new = is_new or state.into is not None
            if not is_new:
                return states

    def _note(self, state: State, has_value: bool) -> None:
        """Note that a cell is about to be sent, the first one or the first one with a value."""
        if isinstance(state, LastCell):
            return
        key = state.key
        if key not in self._sent:
            if not has_value:
                self._sent_empty.add(key)
        elif has_value and key in self._sent_empty:
            self._sent_empty.remove(key)
            del self._sent[key]  # to the end of the order
        else:
            return
        self._sent[key] = state
        self.newest = self._session.number + 1

    def refuse(self, refused: Any) -> bool:
        """Fold away a series that the collector has no room for. False if the text names none.

        All later series that were new to it on this connection are refused as well, even if it
        didn't say so. A series may be taken without a value, and be refused at its first one: then
        series that came in between were taken.
        """
        key = decode_refused(refused)
        named = None if key is None or self._last is not None else self._sent.get(key)
        if named is None or named.registry is None:
            return False
        if named.into is None:
            self._is_full, self.refused_at = True, self._session.number
            named.registry.fold_away(named)
            sent = list(self._sent.values())
            for state in sent[sent.index(named) :]:
                if state.registry is not None and state.key not in self._sent_before:
                    state.registry.fold_away(state)
        return True

    def fold(self) -> None:
        """Fold without sending, so that no buffer grows while no cells are taken."""
        for state in self.states():
            if state.values:
                try:
                    state.fold()
                except Exception as error:
                    self._log_once.fault(error, UNSENT, _title(state))

    def end(self, until: float) -> None:
        """Take what is left for the last time: later values belong to the next session.

        A series whose fold takes too long goes untold. It gets ``FOLD_SECONDS`` in any case.
        """
        last = []
        for state in self._current():
            try:
                # Half of the time is left for sending.
                cell = state.end(max(FOLD_SECONDS, (until - Native.monotonic()) / 2))
            except Exception as error:
                self._log_once.fault(error, UNSENT, _title(state))
                state.reset()  # else its values would begin the next session
            else:
                last += [] if cell is None else [cell]
        self._last = last

    def process(self) -> Optional[Dict[str, Any]]:
        """Return the figures of the process; None if another session tells them."""
        if self._usage is None:
            return None
        try:
            with fork.held_off():  # it opens files
                return self._usage.read(self)
        except Exception as error:
            self._log_once.fault(error, "CPU and memory are not sent because of an internal error")
            return None

    def leave(self) -> bool:
        """Leave the figures to the next session. Returns whether nothing was recorded for it."""
        if self._usage is not None:
            self._usage.end(self)
        return not any(state.recorded_at for state in self._all())


def _title(state: State) -> str:
    return "%s %r" % (state.kind, state.name) if isinstance(state, SeriesState) else "a series"
