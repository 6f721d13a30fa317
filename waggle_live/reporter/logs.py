"""Log lines that are written once: what goes wrong at each send must not fill a log."""

import logging
from typing import Any, List

logger = logging.getLogger("waggle_live")

#: Kinds of lines that are written; what is of a kind beyond them isn't.
MAX_KINDS = 100


class LogOnce:
    """Writes one warning for each kind. Used by one thread."""

    def __init__(self) -> None:
        self._kinds: List[str] = []

    def __call__(self, kind: str, text: str, *args: Any) -> None:
        """Write ``text % args``, unless a line of that kind was written."""
        if kind not in self._kinds and len(self._kinds) < MAX_KINDS:
            self._kinds.append(kind)
            logger.warning("live metrics: " + text, *args)
