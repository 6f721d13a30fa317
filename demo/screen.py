"""Where the table is drawn: in place on a terminal, one after the other into anything else."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import TextIO

#: Seconds between two tables in a file or a pipe; on a terminal each one is drawn.
PLAIN_INTERVAL = 5.0


class Screen:
    """Draws frames of lines on ``stream``."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._drawn = 0
        self._is_terminal = stream.isatty()
        self._next_plain = 0.0

    def draw(self, lines: Sequence[str], now: float) -> None:
        """Draw a frame: over the one before it on a terminal, cut to the terminal's size; else
        below the one before it, if that is a while ago. ``now`` is monotonic time."""
        if not self._is_terminal:
            if now >= self._next_plain:
                self._next_plain = now + PLAIN_INTERVAL
                self._write("\n".join([*lines, "", ""]))
            return
        columns, rows = shutil.get_terminal_size()
        # The last row stays empty, for there the cursor stands.
        frame = [line[: columns - 1] for line in lines[: rows - 1]]
        back = f"\x1b[{self._drawn}F" if self._drawn else ""
        # Each line is cleared behind its text and not before, which would flicker.
        self._write(back + "".join(line + "\x1b[K\n" for line in frame) + "\x1b[J")
        self._drawn = len(frame)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
