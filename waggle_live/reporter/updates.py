"""The updates of a session: the lines that carry its changed series and the process's figures.

A fault of ours costs as little as can be, one cell or one line of figures, and is logged.
"""

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

from ..logs import LogOnce
from ..native import Native
from ..series.state import LastCell, SeriesState
from ..wire.protocol import encode_updates
from . import fork
from .session import Session
from .usage import Figures

#: Seconds between process figures while there is something else to send, and while there isn't.
PROCESS_INTERVAL, IDLE_PROCESS_INTERVAL = 1.0, 2.0
#: Seconds that a fold which runs at the end of a session may take: many times what one takes.
FOLD_SECONDS = 0.05
UNSENT = "%s can't be sent, for an error of ours; the others are"

State = Union[SeriesState, LastCell]


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
        self._since = session.started
        self._next_process = 0.0

    @property
    def is_last(self) -> bool:
        """Whether all that is sent from now on was taken at the session's end."""
        return self._last is not None

    def states(self) -> List[SeriesState]:
        """Return the states whose values are still this session's; none after its end."""
        return self._all() if self._last is None else []

    def take(self, everything: bool) -> Tuple[List[bytes], bool]:
        """Return the lines of the series that changed, or of ``everything``.

        The second is False if a series was being folded just now, and so is left to the next.
        """
        now = Native.monotonic()
        states: Sequence[State] = self._all() if self._last is None else self._last
        cells: List[str] = []
        complete = True
        for state in states:
            if everything or state.values or state.changed:
                try:
                    cell = state.take()
                    if cell is not None:
                        cells.append(cell)
                except Exception as error:
                    self._log_once.fault(error, UNSENT, _title(state))
                    continue
                if cell is None:
                    state.changed = True
                    complete = False
        process = None
        # Whoever says nothing for longer counts as silent, so this is sent without figures, too.
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

    def fold(self) -> None:
        """Fold without sending, so that no buffer grows while nobody takes the states."""
        for state in self.states():
            if state.values:
                try:
                    state.fold()
                except Exception as error:
                    self._log_once.fault(error, UNSENT, _title(state))

    def end(self, until: float) -> None:
        """Take what is left once and for all: what is recorded from now on is the next session's.

        A series whose fold doesn't end in time goes untold. It gets ``FOLD_SECONDS`` in any case.
        """
        last = []
        for state in self._all():
            try:
                # Half of the time is left to send them.
                cell = state.end(max(FOLD_SECONDS, (until - Native.monotonic()) / 2))
            except Exception as error:
                self._log_once.fault(error, UNSENT, _title(state))
                state.reset()  # else what it holds would begin the next session
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
            self._log_once.fault(error, "CPU and memory are not sent, for an error of ours")
            return None

    def leave(self) -> bool:
        """Leave the figures to the next session; return whether nothing was recorded for it."""
        if self._usage is not None:
            self._usage.end(self)
        return not any(state.recorded_at for state in self._all())


def _title(state: State) -> str:
    return "%s %r" % (state.kind, state.name) if isinstance(state, SeriesState) else "a series"
