"""A terminal for tests: a pseudo-terminal of its own session, and what stands on its screen."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pyte

DEADLINE = 30.0
#: Modes that a program sets and must take back: wrapped lines, the cursor, the other screen.
WRAP, CURSOR, OTHER = "7", "25", "1049"
GIVEN_BACK = {WRAP: True, CURSOR: True, OTHER: False}
#: Variables that would change how a program draws.
_FOREIGN = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CI", "LC_ALL", "LC_CTYPE", "LANG")


class Terminal:
    """A terminal with a command in it, which leads a session and its foreground."""

    def __init__(self, *command, columns=100, lines=30, term="xterm-256color", **environ):
        self.ours, self.theirs = pty.openpty()
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.resize(columns, lines)
        self.before = termios.tcgetattr(self.theirs)
        #: All that was written since the last keys.
        self.seen = b""
        self.modes = dict(GIVEN_BACK)
        whole = {key: value for key, value in os.environ.items() if key not in _FOREIGN}
        whole.update({"LC_ALL": "C.UTF-8", "TERM": term, **environ})
        # The leader of a session gets the first terminal that it opens. Tests in the background of
        # a shell ignore SIGQUIT, and a terminal's programs don't.
        opening = ("env", "--default-signal", "sh", "-c", 'exec "$@" <"$0" >"$0" 2>&1')
        opening = (*opening, os.ttyname(self.theirs))
        self.process = subprocess.Popen(
            [*opening, *command],
            env={key: value for key, value in whole.items() if value is not None},
            start_new_session=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)

    def resize(self, columns, lines):
        """Change the size, as a person does by the window's corner."""
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, size)
        self.screen.resize(lines, columns)

    @property
    def text(self):
        """What stands on the screen."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    @property
    def is_given_back(self):
        """Is the terminal as it was before?"""
        return self.modes == GIVEN_BACK and termios.tcgetattr(self.theirs) == self.before

    @property
    def left(self):
        """What was written behind the last end of the other screen."""
        text = re.sub(rb"\x1b\[[0-9;]*m", b"", self.seen).rpartition(b"\x1b[?1049l")[2]
        return text.decode("utf-8", "replace").replace("\r\n", "\n")

    def type(self, text):
        """Press keys."""
        self.seen = b""
        os.write(self.ours, text.encode())

    def read(self, seconds=0.1):
        """Take in what is written; return whether anything was."""
        if not select.select([self.ours], [], [], seconds)[0]:
            return False
        data = os.read(self.ours, 65536)
        self.seen += data
        self._stream.feed(data)
        for mode, how in re.findall(rb"\x1b\[\?(\d+)([hl])", data):
            if mode.decode() in GIVEN_BACK:
                self.modes[mode.decode()] = how == b"h"
        return True

    def until(self, condition):
        """Read until a condition of the screen's text holds, and no more of a picture comes."""
        deadline = time.monotonic() + DEADLINE
        while not condition(self.text) or self.read(0.05):
            assert time.monotonic() < deadline, self.text
            self.read()

    def end(self):
        """Wait for the process's end and return its status."""
        self.until(lambda text: self.process.poll() is not None)
        while self.read():
            pass
        return self.process.returncode
