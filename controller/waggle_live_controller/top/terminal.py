"""The terminal that the view is drawn on. It is restored whenever top stops or ends."""

import contextlib
import os
import select
import signal
import threading
import time
from types import FrameType
from typing import IO, Any, Dict, List, Mapping, Optional, Sequence, Tuple

from . import keys

try:
    import termios
    import tty
except ImportError:  # Windows, where tables are printed as to a file
    termios = tty = None  # type: ignore[assignment]

#: Takes the terminal: alternate screen, no cursor, no line wrap, clear. ``_GIVE`` undoes that.
_TAKE = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
_GIVE = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
#: The most seconds to wait for a blocked terminal when it is given back.
GRACE = 0.5
#: The exit status if the terminal is gone: 128 + SIGHUP.
_GONE = 129
#: The most seconds to wait for the rest of an escape sequence.
PIECES = 0.05
#: Columns and lines of a terminal that doesn't tell its size.
SIZE = (80, 24)


def can_be_drawn_on(stream: IO[str], environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether ``stream`` is a terminal with a movable cursor: no file, pipe, ``TERM=dumb``."""
    if termios is None or not is_terminal(stream):
        return False
    return environ.get("TERM", "").lower() not in ("", "dumb", "unknown")


def size_of(stream: IO[str]) -> Tuple[int, int]:
    """Return the present columns and lines of a terminal."""
    try:
        columns, lines = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        columns = lines = 0
    return columns or SIZE[0], lines or SIZE[1]


class Terminal:
    """A context manager for a screen of its own, and keys that arrive without Enter.

    The terminal is taken at the first ``read`` or ``draw`` in the foreground, and again after
    Ctrl-Z and ``fg``. It is given back before Ctrl-Z stops the process, and at the end of the
    block. Only SIGKILL leaves it taken. In the background nothing is drawn or read. SIGTERM, SIGHUP
    and SIGQUIT raise SystemExit with 128 plus their number.

    Use it in one thread. It handles signals only in the main thread, and none for which the caller
    has a handler.
    """

    def __init__(self, source: Optional[IO[str]], shown: IO[str]) -> None:
        self._out = shown.fileno()
        self._stream = shown
        self._encoding = getattr(shown, "encoding", None) or "utf-8"
        #: The descriptor to read keys from; None if it is no terminal.
        self._in: Optional[int] = None
        if source is not None and is_terminal(source):
            self._in = source.fileno()
        #: The terminal's modes before it was first taken.
        self._modes: Optional[List[Any]] = None
        self._taken = False
        #: Set by signals: Ctrl-Z was pressed, or the process goes on. ``read`` and ``draw`` react.
        self._stop = self._again = False
        self._handlers: Dict[int, Any] = {}
        self._drawn: Optional[bytes] = None

    def __enter__(self) -> "Terminal":
        if threading.current_thread() is threading.main_thread():
            for number, handler in (
                (signal.SIGTERM, self._end),
                (signal.SIGHUP, self._end),
                (signal.SIGQUIT, self._end),
                (signal.SIGTSTP, self._note_stop),
                (signal.SIGCONT, self._note_again),
                # Else the terminal couldn't be given back from the background.
                (signal.SIGTTOU, signal.SIG_IGN),
            ):
                if signal.getsignal(number) is signal.SIG_DFL:
                    self._handlers[number] = signal.signal(number, handler)
        return self

    def __exit__(self, *_: Any) -> None:
        self._give_back()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    @property
    def size(self) -> Tuple[int, int]:
        """The present columns and lines."""
        return size_of(self._stream)

    def draw(self, lines: Sequence[str]) -> None:
        """Show these lines from the top. Write nothing if they are shown already."""
        if not self._is_ours():
            return
        # Clear each line first. After a full line the cursor stays on its last cell, and clearing
        # would erase that.
        text = "\x1b[H" + "\r\n".join("\x1b[2K" + line for line in lines) + "\x1b[0m\x1b[J"
        data = text.encode(self._encoding, "replace")
        if data != self._drawn:
            self._drawn = None  # unknown until all is written
            self._write(data)
            self._drawn = data

    def read(self, seconds: float) -> List[str]:
        """Return the names of the pressed keys. Waits at most ``seconds`` for one.

        Raises SystemExit if the terminal is gone.
        """
        if self._stop:
            self._stop_now()
        if self._in is None or not self._is_ours():
            time.sleep(seconds)
            return []
        if not select.select([self._in], [], [], seconds)[0] or not self._is_ours():
            return []
        data = _typed(self._in)
        # On a slow line an escape sequence arrives in pieces.
        while keys.is_cut(data) and select.select([self._in], [], [], PIECES)[0]:
            data += _typed(self._in)
        return keys.names(data.decode("utf-8", "ignore"))

    def _is_ours(self) -> bool:
        """Take the terminal if this process is in its foreground; tell whether it is."""
        if self._stop or not self._is_foreground():
            return False
        if self._again or not self._taken:
            self._again = False
            self._take()
        return True

    def _is_foreground(self) -> bool:
        try:
            return os.tcgetpgrp(self._out) == os.getpgrp()
        except OSError:  # another session's terminal, where we can't be in the background
            return True

    def _take(self) -> None:
        self._taken = True
        if self._in is not None:
            try:
                if self._modes is None:
                    self._modes = termios.tcgetattr(self._in)
                tty.setcbreak(self._in, termios.TCSANOW)
            except termios.error:
                raise SystemExit(_GONE) from None
        self._drawn = None
        self._write(_TAKE.encode("ascii"))

    def _give_back(self) -> None:
        if not self._taken:
            return
        self._taken = False
        with contextlib.suppress(OSError, termios.error):  # it may be gone
            termios.tcflow(self._out, termios.TCOON)
        try:
            if self._in is not None and self._modes is not None:
                with contextlib.suppress(OSError, termios.error):
                    termios.tcsetattr(self._in, termios.TCSANOW, self._modes)
        finally:
            with contextlib.suppress(OSError):
                if select.select([], [self._out], [], GRACE)[1]:
                    os.write(self._out, _GIVE.encode("ascii"))

    def _write(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._out, data) :]
            except BlockingIOError:  # a process that shares the terminal has made it non-blocking
                select.select([], [self._out], [])
            except OSError:
                raise SystemExit(_GONE) from None

    def _stop_now(self) -> None:
        """Give the terminal back and stop the process, as Ctrl-Z does. It goes on from here."""
        self._give_back()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._note_stop)
        self._stop = False

    def _note_stop(self, number: int, frame: Optional[FrameType]) -> None:
        self._stop = True

    def _note_again(self, number: int, frame: Optional[FrameType]) -> None:
        self._again = True

    def _end(self, number: int, frame: Optional[FrameType]) -> None:
        # A second signal must not interrupt giving the terminal back.
        for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            if each in self._handlers:
                signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + number)


def _typed(source: int) -> bytes:
    data = b""
    with contextlib.suppress(OSError):
        data = os.read(source, 1024)
    if not data:
        raise SystemExit(_GONE)
    return data


def is_terminal(stream: IO[str]) -> bool:
    """Tell whether ``stream`` is an open terminal."""
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # it is closed
        return False
