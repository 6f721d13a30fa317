"""The keys that are pressed in a terminal."""

import os
import re
import select
import time
from typing import Any, List, Optional, TextIO

try:
    import termios
    import tty
except ImportError:  # not on Windows: there the view goes on until Ctrl-C
    termios = tty = None  # type: ignore[assignment]

#: One key: a sequence that begins with an escape, or a character.
_KEY = re.compile("\x1b\\[[0-9;]*[A-Za-z~]|\x1bO.|.", re.DOTALL)
_NAMES = {
    "\x1b[A": "up",
    "\x1b[B": "down",
    "\x1bOA": "up",
    "\x1bOB": "down",
    "\x1b[5~": "page up",
    "\x1b[6~": "page down",
    "\x1b[H": "home",
    "\x1b[F": "end",
    "\x1b": "escape",
    "\r": "enter",
    "\n": "enter",
    "\x7f": "backspace",
    "\x08": "backspace",
}


class Keys:
    """A context manager: keys arrive without Enter and aren't echoed. Ctrl-C stays a signal.

    If ``stream`` is no terminal there are never any keys. Not thread-safe.
    """

    def __init__(self, stream: Optional[TextIO]) -> None:
        self._descriptor: Optional[int] = None
        if termios is not None and stream is not None and stream.isatty():
            self._descriptor = stream.fileno()
        self._before: List[Any] = []

    def __enter__(self) -> "Keys":
        if self._descriptor is not None:
            self._before = termios.tcgetattr(self._descriptor)
            tty.setcbreak(self._descriptor)
        return self

    def __exit__(self, *_: Any) -> None:
        if self._descriptor is not None:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)
            self._descriptor = None

    def read(self, seconds: float) -> List[str]:
        """Return the keys that were pressed: characters, or names like ``"page up"``.

        Waits at most ``seconds`` for one.
        """
        if self._descriptor is None:
            time.sleep(seconds)
            return []
        if not select.select([self._descriptor], [], [], seconds)[0]:
            return []
        data = os.read(self._descriptor, 1024)
        if not data:  # the terminal is gone
            self._descriptor = None
        keys = [_NAMES.get(key, key) for key in _KEY.findall(data.decode("utf-8", "ignore"))]
        return [key for key in keys if key.isprintable()]  # what has no name here has no meaning
