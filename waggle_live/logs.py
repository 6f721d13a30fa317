"""The client's lines of log: none raises into the plugin, and what can't be written is dropped."""

import logging
from contextlib import suppress
from typing import Any, Iterator, List

logger = logging.getLogger("waggle_live")

#: Kinds of lines that are written; what is of a kind beyond them isn't.
MAX_KINDS = 100


def warn(text: str, *args: Any) -> None:
    """Write ``text % args`` as a warning. Never raises.

    A handler whose stream is closed, as pytest leaves one behind for what logs at the end of the
    process, is passed over: logging would print a traceback for it.
    """
    with suppress(Exception):
        handlers = list(_handlers())
        if not any(_is_closed(handler) for handler in handlers):
            logger.warning("live metrics: " + text, *args)
        elif logger.isEnabledFor(logging.WARNING):
            record = logger.makeRecord(
                logger.name, logging.WARNING, __file__, 0, "live metrics: " + text, args, None
            )
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
    """Writes one warning for each kind. Used by one thread."""

    def __init__(self) -> None:
        self._kinds: List[str] = []

    def __call__(self, kind: str, text: str, *args: Any) -> None:
        """Write ``text % args``, unless a line of that kind was written."""
        if kind not in self._kinds and len(self._kinds) < MAX_KINDS:
            self._kinds.append(kind)
            warn(text, *args)
