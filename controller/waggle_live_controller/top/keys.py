"""The names of keys, by the bytes that terminals send for them."""

import re
from typing import List

#: One key: an escape sequence, or a character. The Linux console sends two brackets for function
#: keys.
_KEY = re.compile("\x1b\\[\\[.|\x1b\\[[0-9;]*[A-Za-z~^$]|\x1bO.|.", re.DOTALL)
#: The sequences of xterm, the Linux console, rxvt, tmux and screen, in both cursor key modes.
_NAMES = {
    "up": ("\x1b[A", "\x1bOA"),
    "down": ("\x1b[B", "\x1bOB"),
    "page up": ("\x1b[5~",),
    "page down": ("\x1b[6~",),
    "home": ("\x1b[H", "\x1bOH", "\x1b[1~", "\x1b[7~"),
    "end": ("\x1b[F", "\x1bOF", "\x1b[4~", "\x1b[8~"),
    "escape": ("\x1b",),
    "enter": ("\r", "\n"),
    "backspace": ("\x7f", "\x08"),
}
_BY_SEQUENCE = {sequence: name for name, some in _NAMES.items() for sequence in some}


def is_cut(typed: bytes) -> bool:
    """Tell whether the input ends within an escape sequence. A last escape may be a key, too."""
    return re.search(rb"\x1b(\[[0-9;[]*|O)?$", typed) is not None


def names(typed: str) -> List[str]:
    """Return the pressed keys: characters, or names like ``"page up"``.

    Other sequences are left out.
    """
    keys = [_BY_SEQUENCE.get(key, key) for key in _KEY.findall(typed)]
    return [key for key in keys if key.isprintable()]
