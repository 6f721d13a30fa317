"""The terminal that the view is drawn on: taken while it is ours, and given back each time."""

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
except ImportError:  # Windows: a table is printed there, as into a file
    termios = tty = None  # type: ignore[assignment]

#: What a terminal is taken with: the other screen, no cursor, no wrapped lines, all of it empty.
_TAKE = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
_GIVE = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
#: Seconds for which a terminal that takes nothing more is waited for when it is given back.
GRACE = 0.5
#: The exit status when the terminal is gone.
_GONE = 129
#: Seconds for which the rest of a key's sequence is waited for.
PIECES = 0.05
#: The size of a terminal that doesn't know its own.
SIZE = (80, 24)


def can_be_drawn_on(stream: IO[str], environ: Mapping[str, str] = os.environ) -> bool:
    """Is it a terminal that moves its cursor? A file, a pipe and ``TERM=dumb`` are none."""
    if termios is None or not is_terminal(stream):
        return False
    return environ.get("TERM", "").lower() not in ("", "dumb", "unknown")


def size_of(stream: IO[str]) -> Tuple[int, int]:
    """Return the columns and lines of a terminal as they are now."""
    try:
        columns, lines = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        columns = lines = 0
    return columns or SIZE[0], lines or SIZE[1]


class Terminal:
    """A context manager: a screen of its own, and keys that arrive without Enter.

    It is taken at the first ``read`` or ``draw`` in the foreground. It is given back at the end of
    the block, whatever ends that, and before Ctrl-Z stops the process. SIGTERM, SIGHUP and SIGQUIT
    raise SystemExit of 128 and their number. When the process goes on, it is taken anew. In the
    background nothing is drawn nor read. Only SIGKILL leaves it as it is.

    To be used in one thread; signals are minded only if that is the main one. A signal with a
    handler of the caller's own stays the caller's.
    """

    def __init__(self, source: Optional[IO[str]], shown: IO[str]) -> None:
        self._out = shown.fileno()
        self._stream = shown
        self._encoding = getattr(shown, "encoding", None) or "utf-8"
        #: Where keys come from; None if that is no terminal.
        self._in: Optional[int] = None
        if source is not None and is_terminal(source):
            self._in = source.fileno()
        #: The modes before the first take.
        self._modes: Optional[List[Any]] = None
        self._taken = False
        #: The process was stopped by Ctrl-Z, or goes on; the terminal is looked after in ``read``.
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
                # To give a terminal back is allowed from the background, too.
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
        """Columns and lines as they are now."""
        return size_of(self._stream)

    def draw(self, lines: Sequence[str]) -> None:
        """Show these lines, from the top down; nothing is written if they stand there already."""
        if not self._is_ours():
            return
        # Each line is emptied first: behind a full one the cursor would stand on its last letter.
        text = "\x1b[H" + "\r\n".join("\x1b[2K" + line for line in lines) + "\x1b[0m\x1b[J"
        data = text.encode(self._encoding, "replace")
        if data != self._drawn:
            self._drawn = None  # until it stands there whole
            self._write(data)
            self._drawn = data

    def read(self, seconds: float) -> List[str]:
        """Return the names of the keys that were pressed; waits at most ``seconds`` for one.

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
        # A slow line brings the sequence of one key in pieces.
        while keys.is_cut(data) and select.select([self._in], [], [], PIECES)[0]:
            data += _typed(self._in)
        return keys.names(data.decode("utf-8", "ignore"))

    def _is_ours(self) -> bool:
        """Take the terminal if it isn't taken and this process is in its foreground."""
        if self._stop or not self._is_foreground():
            return False
        if self._again or not self._taken:
            self._again = False
            self._take()
        return True

    def _is_foreground(self) -> bool:
        try:
            return os.tcgetpgrp(self._out) == os.getpgrp()
        except OSError:  # not the terminal of this session, which has no background then
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
            except BlockingIOError:  # whoever shares the terminal has set it so
                select.select([], [self._out], [])
            except OSError:
                raise SystemExit(_GONE) from None

    def _stop_now(self) -> None:
        """Give the terminal back and stop, as the signal would have; go on from here later."""
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
        # A second one must not end the giving back.
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
    """Is it one, or a file, a pipe or closed?"""
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # it is closed
        return False
