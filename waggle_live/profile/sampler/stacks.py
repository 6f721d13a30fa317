"""Folded stacks: the time of each, in the form that flame graphs read."""

import os
import stat
from contextlib import suppress
from typing import Any, Dict, Optional

from ...wire.protocol import OTHER_FUNCTIONS
from ...wire.stacks import MAX_STACKS, MAX_STACKS_BYTES, Times, flame_graph

#: The most stacks in a file, and bytes of their text.
DEFAULT_FILE_STACKS, DEFAULT_FILE_BYTES = 10000, 4 * 1024 * 1024

_NONE: Times = (0, None)


class Stacks:
    """A collection of stacks. ``add`` is for one thread, ``folded`` for any."""

    def __init__(self, max_stacks: int = MAX_STACKS, max_bytes: int = MAX_STACKS_BYTES) -> None:
        self._places, self._room = max_stacks, max_bytes
        #: The text of each stack that has a place of its own.
        self._texts: Dict[Any, str] = {}
        self._times: Dict[str, Times] = {}

    def add(self, stack: Any, wall: int, cpu: Optional[int]) -> None:
        """Count nanoseconds on a stack of functions, the innermost first."""
        text = self._texts.get(stack)
        if text is None:
            text = self._text_of(stack)
        before = self._times.get(text, _NONE)
        both = before[1] if cpu is None else (before[1] or 0) + cpu
        self._times[text] = before[0] + wall, both

    def folded(self) -> Dict[str, Times]:
        """Return a copy of the counts: ``{"root;caller;callee": times}``."""
        return dict(list(self._times.items()))

    def _text_of(self, stack: Any) -> str:
        text = ";".join([function.label.replace(";", ":") for function in reversed(stack)])
        size = len(text.encode())
        if text not in self._times and (len(self._times) >= self._places or size > self._room):
            return OTHER_FUNCTIONS
        self._room -= size
        self._texts[stack] = text
        return text


def write(path: str, folded: Dict[str, Times]) -> None:
    """Write folded stacks to a file in one step. If that raises OSError, the file is unchanged.

    The form is that of ``wire.stacks.flame_graph``.
    """
    path = os.path.realpath(path)
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise OSError("it is no regular file")
    temporary = "%s.%d.tmp" % (path, os.getpid())
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(flame_graph([folded])[0])
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
