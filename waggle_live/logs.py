"""The client's lines of log: none raises into the plugin, and what can't be written is dropped."""

import logging
from contextlib import suppress
from typing import Any, Dict, Iterator, Optional

logger = logging.getLogger("waggle_live")

#: Kinds of lines that one LogOnce writes; lines of further kinds are left out.
DEFAULT_MAX_KINDS = 100
#: Longest text of a stranger in a line, in characters.
DEFAULT_MAX_TEXT = 500


def warn(text: str, *args: Any, error: Optional[BaseException] = None) -> None:
    """Write ``text % args`` as a warning, with the traceback of an ``error``. Never raises.

    A handler whose stream is closed, as pytest leaves one behind for what logs at the end of the
    process, is passed over: logging would print a traceback for it.
    """
    text = "live metrics: " + text
    # A handler or filter of the author's may raise: there is no place left to say so.
    with suppress(Exception):
        handlers = list(_handlers())
        if not any(_is_closed(handler) for handler in handlers):
            logger.warning(text, *args, exc_info=error)
        elif logger.isEnabledFor(logging.WARNING):
            info: Any = error and (type(error), error, error.__traceback__)
            record = logger.makeRecord(logger.name, logging.WARNING, __file__, 0, text, args, info)
            for handler in handlers:
                if record.levelno >= handler.level and not _is_closed(handler):
                    handler.handle(record)


def _handlers() -> "Iterator[logging.Handler]":
    """Yield the handlers that a line of ours goes to, as logging itself finds them."""
    found, each = False, logger  # type: bool, Any
    while each is not None:
        for handler in each.handlers:
            found = True
            yield handler
        each = each.parent if each.propagate else None
    if not found and logging.lastResort is not None:
        yield logging.lastResort


def _is_closed(handler: logging.Handler) -> bool:
    return getattr(getattr(handler, "stream", None), "closed", False) is True


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
