"""Keys from a real terminal."""

import os
import pty

import pytest

from waggle_live_controller.top.keys import Keys


@pytest.fixture
def terminal():
    """Both ends of a terminal: ours to press keys at, and the stream of who reads them."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "r") as stream:
        yield ours, stream
    os.close(ours)


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ("q", ["q"]),
        ("ab\u00e9", ["a", "b", "\u00e9"]),
        ("\x1b[A\x1bOBq", ["up", "down", "q"]),
        ("\x1b[5~\x1b[6~\x1b[H\x1b[F", ["page up", "page down", "home", "end"]),
        ("/x\x7f\n", ["/", "x", "backspace", "enter"]),
        ("\x1b", ["escape"]),
        ("\x1b[1;5Cj\t", ["j"]),
    ],
)
def test_keys_have_names(terminal, typed, keys):
    """Several at once, too; what has no meaning is let go, in the middle as well."""
    ours, stream = terminal
    with Keys(stream) as pressed:
        os.write(ours, typed.encode("utf-8"))
        assert pressed.read(20) == keys
        assert pressed.read(0) == []


def test_where_there_is_no_terminal_there_are_no_keys(tmp_path):
    """A file, or nothing at all: it waits as long as it is told and that is it."""
    with open(str(tmp_path / "f"), "w") as file:
        for stream in (file, None):
            with Keys(stream) as keys:
                assert keys.read(0.01) == []
