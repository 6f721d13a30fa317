"""Untrusted lines: applied, or refused with the reason, one cell at a time."""

import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waggle_live.wire.errors import ProtocolError
from waggle_live.wire.protocol import MAX_LINE_BYTES
from waggle_live_collector import messages
from waggle_live_collector.table.kinds import DECODER

from .world import World, counter, timer

VECTORS = Path(__file__).parents[1] / "vectors"


def vectors(name):
    """Return the examples of one data file, each with its title as test id."""
    lines = (VECTORS / name).read_text(encoding="utf-8").splitlines()
    examples = [json.loads(line) for line in lines]
    return [pytest.param(example, id=example["title"]) for example in examples]


def line_of(example):
    """Return the bytes of an example: a message, or text that is no JSON, or hex."""
    if "hex" in example:
        return bytes.fromhex(example["hex"])
    if "text" in example:
        return example["text"].encode()
    return json.dumps(example["message"]).encode()


@pytest.mark.parametrize("example", vectors("valid.jsonl"))
def test_valid_messages_are_taken_without_an_error(example):
    """Every valid example, each to a collector of its own."""
    world = World()
    peer = world.peer(None if example["message"]["type"] == "hello" else "session-1")
    answers = peer.say(line_of(example) + b"\n")
    assert [answer["type"] for answer in answers] == example["answers"]
    assert not peer.closed


@pytest.mark.parametrize("example", vectors("invalid.jsonl"))
def test_invalid_messages_are_refused_with_their_codes(example):
    """Every invalid example; the rest of the connection goes on unless the rules say else."""
    world = World()
    peer = world.peer(None if example.get("first") else "session-1")
    answers = peer.say(line_of(example) + b"\n")
    assert [answer["code"] for answer in answers if answer["type"] == "error"] == example["codes"]
    assert all(answer["text"] for answer in answers)
    assert peer.closed == example.get("closed", False)
    assert sum(world.refusals().values()) == len(example["codes"])
    if not peer.closed and not example.get("first"):
        assert peer.flush()[-1] == {"type": "applied", "number": 1}


def test_a_bad_cell_costs_only_itself():
    """Its neighbours before and after are counted."""
    world = World()
    cells = [counter("a", 1), {"kind": "counter", "name": "b", "value": -1}, counter("c", 3)]
    (error,) = world.peer().update(1, *cells)
    assert (error["code"], error["type"]) == ("bad_cell", "error")
    assert '"name": "b"' in error["refused"]
    assert world.value("waggle_count_total", name="a") == 1
    assert world.value("waggle_count_total", name="b") is None
    assert world.value("waggle_count_total", name="c") == 3


def test_bad_process_numbers_cost_only_themselves():
    """The cells of the same update are counted."""
    world = World()
    (error,) = world.peer().update(1, counter("a", 1), process={"cpu_seconds": -1})
    assert error["code"] == "bad_cell"
    assert world.value("waggle_count_total", name="a") == 1


def test_unknown_types_and_fields_are_ignored():
    """A newer client can talk to this collector."""
    world = World()
    peer = world.peer()
    assert peer.say({"type": "novelty", "number": {}}) == []
    assert peer.update(1, {**counter("a", 1), "novelty": [1]}, novelty=None) == []
    assert world.value("waggle_count_total", name="a") == 1


def lines_of_cells(*cells):
    """Return an update of cells as they stand, in JSON or not."""
    head = b'{"type":"update","number":1,"monotonic":1,"cells":['
    return head + b",".join(cells) + b"]}\n"


GOOD = json.dumps(counter("good", 1)).encode()
#: One bad cell each, of a size or a form that could cost much.
COSTLY = {
    "a number": b"1",
    "a number of 200,000 digits": b"1" * 200_000,
    "an empty list": b"[]",
    "brackets and commas in a string": b'"]},{[\\\\\\"],"',
    "a list of 100,000 lists": b"[" + b"[]," * 100_000 + b"[]]",
    "a list of 90 levels": b"[" * 90 + b"]" * 90,
    "150,000 labels": b'{"kind":"counter","name":"a","value":1,"labels":{%s}}'
    % b",".join(b'"%x":""' % number for number in range(100_000)),
    "100,000 buckets": b'{"kind":"timer","name":"a","count":1,"sum":1,"buckets":[%s]}'
    % b",".join([b"[0,1]"] * 100_000),
    "a name of 900,000 characters": b'{"kind":"counter","value":1,"name":"%s"}' % (b"x" * 900_000),
    "a name twice": b'{"kind":"counter","name":"b","name":"","value":1}',
    "a value twice": b'{"kind":"counter","name":"b","value":1,"value":"x"}',
}


@pytest.mark.parametrize("cell", COSTLY.values(), ids=COSTLY)
def test_a_costly_cell_costs_itself_and_little_memory(cell):
    """Its neighbours are counted; no more than some copies of the line stand in memory."""
    world = World()
    peer = world.peer()
    line = lines_of_cells(GOOD, cell, json.dumps(counter("other", 2)).encode())
    tracemalloc.start()
    try:
        (answer,) = peer.say(line)
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()
    assert answer["code"] == "bad_cell"
    assert world.value("waggle_count_total", name="good") == 1
    assert world.value("waggle_count_total", name="other") == 2


@pytest.mark.parametrize("cell", [b"1", b"[]", b"{}", b'{"kind":"counter","name":"B","value":1}'])
def test_the_work_on_a_line_ends_after_a_hundred_refusals(cell):
    """The cells before count; the last refusal says that the rest was skipped."""
    world = World()
    peer = world.peer()
    number = (MAX_LINE_BYTES - 1000) // (len(cell) + 1)
    line = lines_of_cells(GOOD, *[cell] * number, GOOD)
    tracemalloc.start()
    try:
        answers = peer.say(line)
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()
    assert [answer["code"] for answer in answers] == ["bad_cell"] * (messages.MAX_REFUSALS + 1)
    assert answers[-1]["text"] == messages.SKIPPED
    assert world.value("waggle_count_total", name="good") == 1
    assert world.refusals() == {"bad_cell": messages.MAX_REFUSALS + 1}
    assert peer.flush()[-1]["type"] == "applied"


def test_a_long_line_is_taken_as_a_short_one_is():
    """Thousands of series of all kinds that have names, in a line of nearly 1 MiB."""
    cells = []
    for number in range(900):
        buckets = dict.fromkeys(range(60), number + 1)
        cells.append(timer(f"t{number}", buckets, total=number, place='[,]\\"{} ä'))
    line = json.dumps({"type": "update", "number": 1, "monotonic": 1.0, "cells": cells})
    assert messages.MAX_WHOLE_BYTES < len(line) < MAX_LINE_BYTES
    world = World()
    assert world.peer().say(line.encode() + b"\n") == []
    assert world.value("waggle_timer_seconds_count", name="t899") == 60 * 900
    assert world.value("waggle_collector_cells_total") == 900


def test_only_updates_are_long():
    """Another message of a known type is refused, one of an unknown type ignored."""
    peer = World().peer()
    (answer,) = peer.say({"type": "flush", "number": 1, "x": "x" * messages.MAX_WHOLE_BYTES})
    assert answer["code"] == "bad_message"
    assert peer.say({"type": "novel", "x": "x" * messages.MAX_WHOLE_BYTES}) == []


@pytest.mark.parametrize("field", ["pid", "parent"])
def test_numbers_of_processes_are_bounded(field):
    """One of 300 digits is refused, and not kept."""
    (answer,) = World().peer(None).hello(**{field: 10**300})
    assert answer["code"] == "bad_message"


def test_a_question_is_answered_by_its_number_or_refused():
    """However many digits it has; the connection goes on."""
    peer = World().peer()
    for digits in (30, 300, 4299, 4301, 100_000):
        line = b'{"type":"flush","number":%s}\n' % (b"7" * digits)
        (answer,) = peer.say(line)
        assert answer.get("number") == int("7" * 30) or digits > 30
        assert answer["type"] == "applied" or answer["code"] == "bad_message"
        assert not peer.closed


def test_deep_json_is_refused_not_followed():
    """A hundred thousand brackets end in an error, not in a broken stack."""
    with pytest.raises(ProtocolError) as raised:
        DECODER.decode(b'{"type":"update","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    assert raised.value.code == "bad_json"


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_decoded_or_refused(line):
    """No other exception than the refusal."""
    try:
        DECODER.decode(line)
    except ProtocolError as error:
        assert error.code in ("bad_json", "bad_message")


FIELDS = ["type", "number", "monotonic", "cells", "kind", "name"]
FIELDS += ["count", "sum", "buckets", "value"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner
            | st.sampled_from(
                ["update", "hello", "bye", "timer", "gauge", "counter", "rate", "NaN"]
            ),
            max_size=6,
        )
    ),
    max_leaves=30,
)


@given(st.lists(JSON, max_size=10))
def test_any_json_is_applied_or_refused_and_the_scrape_stays_whole(lines):
    """Whatever objects arrive, another plugin's numbers and the text stay right."""
    world = World()
    world.peer("session-2", plugin="other").update(1, counter("a", 1))
    peer = world.peer()
    for line in lines:
        peer.say(json.dumps(line).encode() + b"\n")
    assert world.value("waggle_count_total", plugin="other", name="a") == 1


def test_excerpts_are_short():
    """What was refused is quoted shortened."""
    assert len(messages.excerpt(b"\xff" * 10_000)) == messages.MAX_EXCERPT
    assert messages.excerpt("short") == "short"
