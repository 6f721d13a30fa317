"""``start_timer`` and ``stop_timer``: spans that are started and stopped by name."""

import sys
from typing import Any, List, Tuple

from ..series.problems import Problems
from ..wire.protocol import OVERLAP_MISMATCH, UNMATCHED_STOP, Labels
from .reentrancy import unit

#: The most nested ``start_timer`` calls per thread; one more forgets the outermost.
MAX_NESTING = 1000

_Key = Tuple[str, Labels]


def start(spans: List[Any], key: _Key, timer: Any, problems: Problems) -> None:
    """Start ``timer``, and append it to the ``spans`` of this thread.

    To be called directly by what the author calls: the frame two calls up tells the task.
    """
    if len(spans) >= MAX_NESTING:
        del spans[0]
        text = "start_timer(%r) was nested more than %d deep"
        problems.count(UNMATCHED_STOP, text % (key[0], MAX_NESTING))
    spans.append((key, unit(sys._getframe(2)), timer.start()))


def stop(spans: List[Any], key: _Key, problems: Problems) -> bool:
    """Stop the latest of ``spans`` with that key, of this task if it has one. Returns success."""
    started = [span for span in spans if span[0] == key]
    if not started:
        return False
    if len(started) > 1:  # only then look for the task, which costs a walk of the stack
        here = unit(sys._getframe(2))
        started = [span for span in started if span[1] == here] or started
        if len({span[1] for span in started}) > 1:
            text = "stop_timer(%r) outside of the tasks that have started it"
            problems.count(OVERLAP_MISMATCH, text % key[0])
    spans.remove(started[-1])
    started[-1][2].stop()
    return True
