"""Untrusted lines: applied, or refused with the reason, one cell at a time."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waggle_live.wire.errors import ProtocolError
from waggle_live_collector import messages
from waggle_live_collector.table.kinds import DECODER

from .world import World, counter

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
