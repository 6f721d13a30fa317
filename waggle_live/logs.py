"""The client's log lines. None raises into the plugin; a line that can't be written is dropped."""

import logging
import sys
from typing import Any, Dict, Iterator, List, Optional

from .native import Native

logger = logging.getLogger("waggle_live")

#: Kinds of lines that one LogOnce writes at most; lines of further kinds are dropped.
DEFAULT_MAX_KINDS = 100
#: Longest text from outside in one line, in characters.
DEFAULT_MAX_TEXT = 500


def warn(text: str, *args: Any, error: Optional[BaseException] = None) -> None:
    """Write ``text % args`` as a warning, with the traceback of ``error``.

    A handler that fails is skipped, where logging would print a traceback. An example is one whose
    stream is closed: pytest leaves those behind for lines at the end of the process. Raises only
    what a signal handler raises meanwhile.
    """
    handlers: List[Any] = []
    try:
        for handler in _handlers():
            handlers.append(handler)
            vars(handler).setdefault("handleError", _pass_over)
        logger.warning("live metrics: " + text, *args, exc_info=error)
    except Exception as failure:
        # The author's own handler or filter may raise. No place is left to report that.
        if Native.is_of_handler(failure):  # of signals
            raise
    finally:
        for handler in handlers:
            if vars(handler).get("handleError") is _pass_over:
                vars(handler).pop("handleError", None)  # another thread may have been here


def _pass_over(record: logging.LogRecord) -> None:
    """Replace ``Handler.handleError`` while a line of ours is written."""
    error = sys.exc_info()[1]
    if error is not None and Native.is_of_handler(error):
        raise error


def _handlers() -> "Iterator[logging.Handler]":
    """Yield the handlers that a line of ours goes to, as logging finds them."""
    found, each = [], logger  # type: List[Any], Any
    while each is not None:
        found += each.handlers
        each = each.parent if each.propagate else None
    for first in found or [logging.lastResort]:
        handler = first
        while isinstance(handler, logging.Handler):
            yield handler
            handler = getattr(handler, "target", None)  # of one that keeps lines for another


class LogOnce:
    """Writes one warning of each kind. Thread-safe; never raises."""

    def __init__(self) -> None:
        self._kinds: Dict[Any, Any] = {}

    def __call__(self, kind: Any, text: str, *args: Any) -> None:
        """Write ``text % args``, unless a line of that kind was written before."""
        self._write(kind, None, text, *args)

    def fault(self, error: BaseException, text: str, *args: Any) -> None:
        """Write ``text % args`` and the traceback of an internal error, once per type and place."""
        traceback: Any = error.__traceback__
        while traceback is not None and traceback.tb_next is not None:
            traceback = traceback.tb_next
        place = traceback and (traceback.tb_frame.f_code, traceback.tb_lineno)
        self._write((type(error), place), error, text, *args)

    def _write(self, kind: Any, error: Optional[BaseException], text: str, *args: Any) -> None:
        if kind in self._kinds or len(self._kinds) >= DEFAULT_MAX_KINDS:
            return
        mine = object()
        if self._kinds.setdefault(kind, mine) is mine:  # else another thread writes it
            warn(text, *args, error=error)


def printable(text: str) -> str:
    """Return a text from outside as one short line of ASCII, with all else escaped."""
    return text[:DEFAULT_MAX_TEXT].encode("unicode_escape").decode("ascii")[:DEFAULT_MAX_TEXT]
