"""Folded stacks: how long each was seen, in the form that flame graphs read."""

import os
import stat
from contextlib import suppress
from typing import Any, Dict, Optional, Tuple

from ..wire.protocol import OTHER_FUNCTIONS

#: Of one collection: different stacks, and bytes of their text.
DEFAULT_MAX_STACKS, DEFAULT_MAX_BYTES = 1000, 256 * 1024
#: The same of what is written to a file.
DEFAULT_FILE_STACKS, DEFAULT_FILE_BYTES = 10000, 4 * 1024 * 1024

#: Nanoseconds of wall clock and of CPU, the latter None where it isn't known.
Times = Tuple[int, Optional[int]]
_NONE: Times = (0, None)


class Stacks:
    """A collection: ``add`` is for one thread, ``folded`` for any."""

    def __init__(
        self, max_stacks: int = DEFAULT_MAX_STACKS, max_bytes: int = DEFAULT_MAX_BYTES
    ) -> None:
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
        """Return what was counted, a copy: ``{"root;caller;callee": times}``."""
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
    """Write folded stacks to a file in one step; raises OSError, and then leaves it as it was.

    Each line is a stack and a number: microseconds of CPU, and of wall clock where that is not
    known of any. Stacks that used none are left out.
    """
    place = 0 if all(times[1] is None for times in folded.values()) else 1
    micros = [(text, (times[place] or 0) // 1000) for text, times in sorted(folded.items())]
    lines = ["%s %d\n" % each for each in micros if each[1]]
    path = os.path.realpath(path)
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise OSError("it is no regular file")
    temporary = "%s.%d.tmp" % (path, os.getpid())
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.writelines(lines)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
