"""What the library writes to the log: one line of each kind; an error of the log raises nothing."""

import logging
from contextlib import suppress
from typing import Any, Dict, Optional

logger = logging.getLogger("waggle_live")

#: Kinds of lines that one LogOnce writes; lines of further kinds are left out.
DEFAULT_MAX_KINDS = 100
#: Longest text of a stranger in a line, in characters.
DEFAULT_MAX_TEXT = 500


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
        if self._kinds.setdefault(kind, mine) is not mine:
            return  # another thread writes it
        # A handler or filter of the author's may raise: there is no place left to say so.
        with suppress(Exception):
            logger.warning("live metrics: " + text, *args, exc_info=error)


def printable(text: str) -> str:
    """Return what a stranger sent as one short line of plain ASCII, the rest of it escaped."""
    return text[:DEFAULT_MAX_TEXT].encode("unicode_escape").decode("ascii")[:DEFAULT_MAX_TEXT]


def describe(error: BaseException) -> str:
    """Return ``repr(error)``, or its type where that raises."""
    try:
        return repr(error)
    except Exception:
        return type(error).__name__
