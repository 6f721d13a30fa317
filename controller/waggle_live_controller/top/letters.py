"""Text on a terminal: cuts it to a width in cells, and replaces letters by ASCII."""

import os
import sys
from typing import IO, Mapping

from rich.cells import cell_len

#: Marks where a text is cut.
CUT = "…"
#: The letters that we use ourselves, and their replacements in ASCII of the same width.
_ASCII = str.maketrans("µ\u2013…×▏↑↓▁▂▃▄▅▆▇█", "u-~x_^v.:-=+*#@")


def is_utf8(stream: IO[str], environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether the terminal of ``stream`` shows UTF-8, by the locale.

    In the locale C Python writes UTF-8, but the terminal may not show it. If no locale is set, as
    in most containers, assume that it does.
    """
    if "utf" not in (getattr(stream, "encoding", None) or "utf-8").lower():
        return False
    named = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    if sys.flags.utf8_mode and not environ.get("LC_ALL"):
        # In the locale C Python may have set LC_CTYPE by itself (PEP 538).
        named = environ.get("LANG") or named
    return not named or "utf" in named.lower() or not sys.flags.utf8_mode


def ascii_only(text: str) -> str:
    """Return a text of the same width in ASCII, with ``_`` for letters without a replacement."""
    return "".join(
        each if each.isascii() else "_" * cell_len(each) for each in text.translate(_ASCII)
    )


def cut(text: str, width: int) -> str:
    """Return a name cut to at most ``width`` cells. A long name loses its middle."""
    if cell_len(text) <= width:
        return text
    room = max(width - len(CUT), 0)
    tail = _first(text[::-1], room // 2)[::-1]
    while tail and not cell_len(tail[0]):  # an accent of a letter that is cut off
        tail = tail[1:]
    head = _first(text, room - cell_len(tail))
    return head + CUT[:width] + tail


def fit(text: str, width: int) -> str:
    """Return a name cut or padded to ``width`` cells."""
    shown = cut(text, width)
    return shown + " " * (width - cell_len(shown))


def right(text: str, width: int) -> str:
    """Return a number padded on the left to at least ``width`` cells. It is never cut."""
    return " " * (width - cell_len(text)) + text


def _first(text: str, width: int) -> str:
    """Return the beginning of a text that fits ``width`` cells."""
    used = 0
    for at, each in enumerate(text):
        used += cell_len(each)
        if used > width:
            return text[:at]
    return text
