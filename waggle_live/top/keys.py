"""Keys as they are pressed, from a terminal."""

import os
import select
from typing import Any, List, Optional, TextIO

try:
    import termios
    import tty
except ImportError:  # not on Windows: there the view goes on until Ctrl-C
    termios = tty = None  # type: ignore[assignment]

_NAMES = {
    b"\x1b[A": "up",
    b"\x1b[B": "down",
    b"\x1bOA": "up",
    b"\x1bOB": "down",
    b"\x1b[5~": "page up",
    b"\x1b[6~": "page down",
    b"\x1b[H": "home",
    b"\x1b[F": "end",
    b"\x1b": "escape",
    b"\r": "enter",
    b"\n": "enter",
    b"\x7f": "backspace",
    b"\x08": "backspace",
}


class Keys:
    """A context manager in which keys arrive at once and unseen; Ctrl-C stays a signal.

    Where ``stream`` is no terminal there are never any.
    """

    def __init__(self, stream: Optional[TextIO]) -> None:
        self._stream = stream
        self._descriptor: Optional[int] = None
        self._before: List[Any] = []

    def __enter__(self) -> "Keys":
        if termios is not None and self._stream is not None and self._stream.isatty():
            self._descriptor = self._stream.fileno()
            self._before = termios.tcgetattr(self._descriptor)
            tty.setcbreak(self._descriptor)
        return self

    def __exit__(self, *_: Any) -> None:
        if self._descriptor is not None:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)
            self._descriptor = None

    def read(self, seconds: float) -> List[str]:
        """Return the keys pressed, waiting ``seconds`` for one at the longest: characters, or names
        like ``"page up"``."""
        if self._descriptor is None:
            select.select([], [], [], seconds)
            return []
        if not select.select([self._descriptor], [], [], seconds)[0]:
            return []
        data = os.read(self._descriptor, 1024)
        if not data:  # the terminal is gone
            self._descriptor = None
        if data in _NAMES:
            return [_NAMES[data]]
        if data.startswith(b"\x1b"):
            return []
        return [
            _NAMES.get(each.encode("utf-8"), each)
            for each in data.decode("utf-8", "ignore")
            if each.isprintable() or each.encode("utf-8") in _NAMES
        ]
