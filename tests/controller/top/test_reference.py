"""docs/reference/top.md says what the program does: its flags, keys and JSON."""

import re
from pathlib import Path

import pytest

from waggle_live_controller import (
    Fleet,
    FleetSnapshot,
    NodeAnswerInvalid,
    NodeLate,
    NodeNotReady,
    NodeRefused,
    NodeUnreachable,
    Snapshot,
)
from waggle_live_controller.answer import read
from waggle_live_controller.top import command
from waggle_live_controller.top.desk import Desk
from waggle_live_controller.top.document import FORM, document
from waggle_live_controller.top.layout import COLUMNS
from waggle_live_controller.top.loop import Top
from waggle_live_controller.top.rows import KINDS
from waggle_live_controller.top.view_options import ORDERS

from ..conftest import body, plugin, timer

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "top.md"
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="needs the repository's docs")


def rows(title):
    """Return the cells of the table whose first column has this title."""
    table = PAGE.read_text(encoding="utf-8").partition("| %s |" % title)[2].partition("\n\n")[0]
    return [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]


def code(text):
    """Return what stands in backticks."""
    return re.findall(r"`([^`]+)`", text)


def test_flags_are_those_of_the_program():
    """Each with its default, and the values that it may have."""
    actions = {
        action.option_strings[-1] if action.option_strings else action.metavar: action
        for action in command._parser("top")._actions
    }
    described = {flag: cells for cells in rows("flag") for flag in code(cells[0])}
    assert sorted(described) == sorted(actions)
    for flag, cells in described.items():
        default = actions[flag].default
        default = default[0] if isinstance(default, list) else default
        if default and flag not in ("--help", "--version"):
            shown = "%g" % default if isinstance(default, float) else default
            assert code(cells[1]) == [shown], flag
        else:
            assert not code(cells[1]), flag
        for choice in actions[flag].choices or ():
            assert choice in code(cells[2])


def test_the_help_has_each_flag_and_the_keys():
    """No flag is without a word."""
    text = command._parser("top").format_help()
    assert all(action.help for action in command._parser("top")._actions)
    for key in ("q", "up, down", "PgUp", "Home, End", "n, p", "+, -"):
        assert "\n  %s" % key in text


def test_columns_and_kinds_are_those_of_the_view():
    """All that has a title."""
    described = [name for cells in rows("column") for name in code(cells[0])]
    assert described == [
        "instrument",
        *(column.title for column in COLUMNS),
        "trend",
        "range",
    ]
    assert code(rows("column")[0][1]) == list(KINDS)
    assert "busy" in ORDERS


#: What a key of the page sends, where that isn't itself.
NAMES = {"PgUp": "page up", "PgDn": "page down", "space": " ", "Home": "home", "End": "end"}


def test_each_key_does_something():
    """q ends the view, which other tests try; all others change what is shown, or say something."""
    keys = [key for cells in rows("key") for key in code(cells[0])]
    help_keys = re.split(r"[ ,]+", " ".join(re.findall(r"^  (\S.*?)  ", command.KEYS, re.M)))
    assert [key for key in help_keys if key not in ("TEXT", "Enter")] == keys
    assert keys[0] == "q"
    for key in keys[1:]:
        desk = Desk([])
        with Fleet([]) as fleet:
            top = Top(fleet=fleet, console=command_console(), desk=desk)
            top._offset = 50
            before = (top._options, top._offset, top._typing, desk.said)
            top._press(NAMES.get(key, key), 24)
            assert (top._options, top._offset, top._typing, desk.said) != before, key


def command_console():
    """Return a console that shows nothing."""
    import io

    from rich.console import Console

    return Console(file=io.StringIO())


def fields(value, path=""):
    """Yield the names of all fields of a document, as the page writes them."""
    for name, each in value.items():
        yield path + name
        if path + name == "nodes[].plugins":
            continue
        if isinstance(each, dict):
            yield from fields(each, path + name + ".")
        for inner in each if isinstance(each, list) else ():
            yield from fields(inner, path + name + "[].")


def test_the_fields_of_the_json_are_those_of_the_page():
    """Of a node that answers and of one that fails; a plugin's are those of the collector."""
    answer = read(body(plugin("detect", timers=[timer()]), plugin("other")))
    good = Snapshot("http://a", answer.node, answer.plugins, 1.0)
    polled = FleetSnapshot({"http://a": good}, {"http://b": NodeLate("http://b", "late")})
    whole = document(["http://b", "http://a"], polled)
    described = [name for cells in rows("field") for name in code(cells[0])]
    assert list(dict.fromkeys(fields(whole))) == described
    assert rows("field")[0][2].startswith("%d." % FORM)
    assert [node["url"] for node in whole["nodes"]] == ["http://b", "http://a"]
    assert whole["nodes"][0]["plugins"] is None
    detect = whole["nodes"][1]["plugins"][0]
    assert set(plugin()) - {"last_seen"} <= set(detect)
    assert detect["timers"] == [timer()]
    filtered = document(["http://a"], polled, "INFER")["nodes"][0]["plugins"]
    assert [each["plugin_task"] for each in filtered] == ["detect"]
    assert document(["http://a"], polled, "xyz")["nodes"][0]["plugins"] == []


def test_each_error_of_a_node_is_named():
    """By the name that programs in Python know it by."""
    known = {NodeUnreachable, NodeLate, NodeNotReady, NodeRefused, NodeAnswerInvalid}
    (cells,) = [cells for cells in rows("field") if code(cells[0]) == ["nodes[].error.type"]]
    assert set(code(cells[2])) == {error.__name__ for error in known}
