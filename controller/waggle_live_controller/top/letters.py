"""Letters on a terminal: how wide they are, how names are cut, what ASCII has in their place."""

import os
import sys
from typing import IO, Mapping

from rich.cells import cell_len

#: What stands for what is left out.
CUT = "…"
#: Our own letters, each with one of ASCII that is as wide.
_ASCII = str.maketrans("µ\u2013…×▏↑↓▁▂▃▄▅▆▇█", "u-~x_^v.:-=+*#@")


def is_utf8(stream: IO[str], environ: Mapping[str, str] = os.environ) -> bool:
    """Does the terminal behind ``stream`` show more than ASCII, as far as the locale says?

    Python writes UTF-8 in the locale C as well, where terminals show something else. A locale that
    nobody has set says nothing: that is how containers are, whose terminals show UTF-8.
    """
    if "utf" not in (getattr(stream, "encoding", None) or "utf-8").lower():
        return False
    named = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    if sys.flags.utf8_mode and not environ.get("LC_ALL"):
        # Python began in the locale C, and has perhaps set LC_CTYPE by itself (PEP 538).
        named = environ.get("LANG") or named
    return not named or "utf" in named.lower() or not sys.flags.utf8_mode


def ascii_only(text: str) -> str:
    """Return a text of the same width in ASCII: ``_`` stands for each letter that has no other."""
    return "".join(
        each if each.isascii() else "_" * cell_len(each) for each in text.translate(_ASCII)
    )


def cut(text: str, width: int) -> str:
    """Return a name that takes at most ``width`` cells: what is too long loses its middle."""
    if cell_len(text) <= width:
        return text
    room = max(width - len(CUT), 0)
    tail = _first(text[::-1], room // 2)[::-1]
    while tail and not cell_len(tail[0]):  # an accent of a letter that is gone
        tail = tail[1:]
    head = _first(text, room - cell_len(tail))
    return head + CUT[:width] + tail


def fit(text: str, width: int) -> str:
    """Return a name, cut or filled up, that takes ``width`` cells."""
    shown = cut(text, width)
    return shown + " " * (width - cell_len(shown))


def right(text: str, width: int) -> str:
    """Return a number, never cut, that takes at least ``width`` cells."""
    return " " * (width - cell_len(text)) + text


def _first(text: str, width: int) -> str:
    """Return as much of the beginning as ``width`` cells hold."""
    used = 0
    for at, each in enumerate(text):
        used += cell_len(each)
        if used > width:
            return text[:at]
    return text
