"""The client's lines of log: none raises into the plugin, and what can't be written is dropped."""

import logging
import sys
from typing import Any, Dict, Iterator, List, Optional

from .native import Native

logger = logging.getLogger("waggle_live")

#: Kinds of lines that one LogOnce writes; lines of further kinds are left out.
DEFAULT_MAX_KINDS = 100
#: Longest text of a stranger in a line, in characters.
DEFAULT_MAX_TEXT = 500


def warn(text: str, *args: Any, error: Optional[BaseException] = None) -> None:
    """Write ``text % args`` as a warning, with the traceback of an ``error``. Raises what a signal
    handler raises, and nothing else.

    A handler that fails is passed over, as one whose stream is closed, which pytest leaves behind
    for what logs at the end of the process: logging would print a traceback for it.
    """
    handlers: List[Any] = []
    try:
        for handler in _handlers():
            handlers.append(handler)
            vars(handler).setdefault("handleError", _pass_over)
        logger.warning("live metrics: " + text, *args, exc_info=error)
    except Exception as failure:
        # A handler or filter of the author's may raise: there is no place left to say so.
        if Native.is_of_handler(failure):  # of signals
            raise
    finally:
        for handler in handlers:
            if vars(handler).get("handleError") is _pass_over:
                vars(handler).pop("handleError", None)  # another thread may have been here


def _pass_over(record: logging.LogRecord) -> None:
    """Stand in for ``Handler.handleError`` while a line of ours is written."""
    error = sys.exc_info()[1]
    if error is not None and Native.is_of_handler(error):
        raise error


def _handlers() -> "Iterator[logging.Handler]":
    """Yield the handlers that a line of ours goes to, as logging itself finds them."""
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
    """Writes one warning for each kind. Thread-safe; raises nothing."""

    def __init__(self) -> None:
        self._kinds: Dict[Any, Any] = {}

    def __call__(self, kind: Any, text: str, *args: Any) -> None:
        """Write ``text % args``, unless a line of that kind was written."""
        self._write(kind, None, text, *args)

    def fault(self, error: BaseException, text: str, *args: Any) -> None:
        """Write ``text % args`` and the traceback of an error of ours, once per type and place."""
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
    """Return what a stranger sent as one short line of plain ASCII, the rest of it escaped."""
    return text[:DEFAULT_MAX_TEXT].encode("unicode_escape").decode("ascii")[:DEFAULT_MAX_TEXT]
