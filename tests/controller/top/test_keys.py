"""Keys by the names that they have in the view."""

import pytest

from waggle_live_controller.top.keys import is_cut, names


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ("q", ["q"]),
        ("ab\u00e9", ["a", "b", "\u00e9"]),
        ("\x1b[A\x1bOBq", ["up", "down", "q"]),
        ("\x1bOA\x1b[B", ["up", "down"]),
        ("\x1b[5~\x1b[6~", ["page up", "page down"]),
        ("\x1b[H\x1b[1~\x1b[7~\x1bOH", ["home"] * 4),
        ("\x1b[F\x1b[4~\x1b[8~\x1bOF", ["end"] * 4),
        ("/x\x7f\n", ["/", "x", "backspace", "enter"]),
        ("\x1b", ["escape"]),
        ("\x1b[1;5Cj\t", ["j"]),
        ("\x1b[[Aq\x1bOPq", ["q", "q"]),
    ],
)
def test_keys_have_names(typed, keys):
    """In each form that terminals send; several at once, too. What has no meaning is let go."""
    assert names(typed) == keys


@pytest.mark.parametrize(
    ("typed", "cut"),
    [
        (b"\x1b", True),
        (b"q\x1b[", True),
        (b"\x1b[1;", True),
        (b"\x1bO", True),
        (b"\x1b[5~", False),
        (b"q", False),
    ],
)
def test_a_sequence_may_come_in_pieces(typed, cut):
    """Its rest is waited for, or Home would be Esc, a bracket and an H."""
    assert is_cut(typed) == cut
