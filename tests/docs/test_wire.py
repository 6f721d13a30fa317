"""docs/protocol.md has the messages, cells and fields that both sides speak, and no other."""

import json
import re
from typing import get_args

import msgspec
import pytest

from waggle_live.wire import knobs, protocol
from waggle_live.wire.errors import LiveMetricsError
from waggle_live_collector import messages
from waggle_live_collector.table import kinds

from .tables import ROOT, code, rows

PAGE = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
#: The messages of a client whose fields stand in a table.
TABLES = {"hello": messages.Hello, "update": messages.Update, "bye": messages.Bye}
#: Fields of all cells, which are described once.
OF_ALL = {"name", "labels", "age"}


def part(heading):
    """Return the text below a heading, up to the next one."""
    found = re.search(r"^### `?%s\b.*?\n(.*?)(?=^##|\Z)" % heading, PAGE, re.M | re.S)
    assert found is not None, heading
    return found.group(1)


def fields(heading):
    """Return the fields in the tables below a heading."""
    return {each for row in rows(part(heading), "field") for each in code(row["field"])}


def cells():
    """Return the type of the cells by their kind."""
    return {cell.kind: cell for cell in get_args(kinds.Cell)}


@pytest.mark.parametrize("name", TABLES)
def test_fields_of_messages(name):
    """Of those that say who a process is, how its series are, and that it ends."""
    assert fields(name) == {field.name for field in msgspec.structs.fields(TABLES[name])}


def test_fields_of_knobs_and_stacks():
    """A knob has what its author declared, and how it stands."""
    declared = set(knobs.Declaration.__slots__)
    stands = {"value", "source", "revision", "error", "slept"}
    of_message = {field.name for field in msgspec.structs.fields(messages.Knobs)}
    assert fields("knobs") == of_message | declared | stands
    of_stacks = {field.name for field in msgspec.structs.fields(messages.Stacks)}
    assert fields("stacks") == of_stacks


def test_fields_of_an_order():
    """``set``: its fields, and those of each entry in the text of the table."""
    assert fields("set") == {"number", "knobs", "stacks"}
    assert set(knobs.Lease._fields) <= set(code(part("set")))


def test_types_of_messages():
    """Each type that a side says stands in the page."""
    client = {"hello", "update", "flush", "knobs", "stacks", "bye"}
    assert client == set(re.findall(r"^### `(\w+)`", PAGE.split("## Collector to client")[0], re.M))
    collector = {code(row["type"])[0] for row in rows(PAGE, "type")}
    assert collector == {"welcome", "applied", "error", "set"}


def test_kinds_of_cells_and_their_fields():
    """Each kind that the collector takes, with each of its fields."""
    described = {code(row["kind"])[0]: row["fields"] for row in rows(PAGE, "kind")}
    assert set(described) == set(cells())
    for kind, cell in cells().items():
        own = {field.name for field in msgspec.structs.fields(cell)} - OF_ALL
        assert own - set(code(described[kind])) == set(), kind


def test_bounds_are_those_of_the_program():
    """Numbers of the page that both sides count by."""
    page = " ".join(PAGE.split())
    for number, text in [
        (protocol.MAX_LINE_BYTES, "1 MiB (%s bytes)"),
        (protocol.MAX_NAME_LENGTH, "at most %s characters, not beginning"),
        (protocol.MAX_LABELS, "`labels`: at most %s"),
        (protocol.MAX_LABEL_NAME_LENGTH, "at most %s characters, and doesn't"),
        (protocol.MAX_LABEL_VALUE_LENGTH, "A value has at most %s characters"),
        (protocol.MAX_LABELS_BYTES, "at most %s bytes of UTF-8"),
        (protocol.MAX_FUNCTION_LENGTH, "1 to %s characters, no control"),
        (knobs.MAX_KNOBS, "at most %s, and `__profile`"),
        (knobs.MAX_CHOICES, "1 to %s different ones"),
        (knobs.MAX_TEXT, "A str has at most %s characters"),
        (knobs.MAX_DECLARATION_BYTES, "declaration has at most %s bytes"),
        (int(knobs.MAX_SETTLE), "at most %s, until a new value"),
        (int(knobs.MAX_LEASE), "Over %s counts"),
        (messages.MAX_REFUSALS, "After %s bad cells"),
    ]:
        assert text % format(number, ",") in page, text
    reserved = re.search(r"These names are reserved: (.*?)\.\n", PAGE, re.DOTALL).group(1)
    assert set(code(reserved)) == protocol.RESERVED_LABELS


def test_vectors_speak_of_every_message_and_cell():
    """Another language's client is checked against each."""
    with open(ROOT / "tests" / "vectors" / "valid.jsonl", encoding="utf-8") as file:
        told = [json.loads(line)["message"] for line in file]
    assert {"hello", "update", "flush", "knobs", "bye"} <= {each["type"] for each in told}
    said = {cell["kind"] for each in told for cell in each.get("cells", ())}
    assert said == set(cells())


def test_the_form_of_a_session():
    """As the page has it."""
    assert "8 to 64 of `[A-Za-z0-9_-]`" in PAGE
    for wrong in ("a" * 7, "a" * 65, "a b c d e f g"):
        with pytest.raises(LiveMetricsError):
            protocol.check_session_id(wrong)
    protocol.check_session_id("a" * 64)
