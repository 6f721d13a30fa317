"""Errors that nobody catches are printed as without us: without the frames of what ``run`` put in.

From Python 3.11 on no traceback has them (:mod:`waggle_live.frames`). Python 3.6 can't change a
traceback, and prints them. So does, before 3.11, who prints one by other means.
"""

import functools
import sys
import threading
from contextlib import suppress
from typing import Any, Optional, Set

from ..frames import is_ours


def install() -> None:
    """Change what prints them: of the main thread and, from Python 3.8 on, of others.

    Needed before Python 3.11.
    """
    _of_main_thread()
    if hasattr(threading, "excepthook"):
        _of_threads(threading)


def _of_main_thread() -> None:
    original = sys.excepthook

    def excepthook(kind: Any, error: Any, traceback: Any) -> None:
        original(kind, error, _without_ours(error, traceback))

    # Both: whoever asks whether it was replaced, or gives it back, gets the same as without us.
    module: Any = sys
    module.excepthook = module.__excepthook__ = functools.wraps(original)(excepthook)


def _of_threads(threading: Any) -> None:
    original = threading.excepthook

    def excepthook(args: Any) -> None:
        traceback = _without_ours(args.exc_value, args.exc_traceback)
        original(threading.ExceptHookArgs((args.exc_type, args.exc_value, traceback, args.thread)))

    threading.excepthook = functools.wraps(original)(excepthook)
    if hasattr(threading, "__excepthook__"):  # Python 3.10
        threading.__excepthook__ = threading.excepthook


def _without_ours(error: Any, traceback: Any) -> Any:
    """Return a traceback without our frames; the errors that ``error`` came of lose theirs too."""
    with suppress(Exception):  # it is printed as it is
        changed: Set[int] = set()
        while error is not None and id(error) not in changed:
            changed.add(id(error))
            error.__traceback__ = _trim(error.__traceback__)
            error = error.__cause__ or error.__context__
        return _trim(traceback)
    return traceback


def _trim(traceback: Optional[Any]) -> Optional[Any]:
    first = traceback
    while first is not None and is_ours(first):
        first = first.tb_next
    each = first
    while each is not None:
        while each.tb_next is not None and is_ours(each.tb_next):
            each.tb_next = each.tb_next.tb_next
        each = each.tb_next
    return first
