"""Folded stacks in as many lines as they need."""

import json

from waggle_live.wire.protocol import MAX_UPDATE_BYTES
from waggle_live.wire.stacks import encode_stacks


def test_stacks_are_cut_into_lines():
    """Each within the bound, with a number of its own; together they hold all stacks."""
    stacks = {"main;%s;\u00e9%d" % ("f" * 200, n): (n, None if n % 2 else n) for n in range(1000)}
    lines = list(encode_stacks(stacks, 5, 3))
    assert len(lines) > 1
    found = {}
    for number, (given, line) in enumerate(lines, 5):
        assert len(line) <= MAX_UPDATE_BYTES
        message = json.loads(line.decode())
        assert (message["type"], message["revision"]) == ("stacks", 3)
        assert message["number"] == given == number
        found.update(message["stacks"])
    assert found == {stack: list(times) for stack, times in stacks.items()}


def test_no_stacks_and_one_too_long():
    """Nothing is no line; a stack that fits no line is left out."""
    assert list(encode_stacks({}, 1, 1)) == []
    assert list(encode_stacks({"x" * MAX_UPDATE_BYTES: (1, 1)}, 1, 1)) == []
    ((_, line),) = encode_stacks({"x" * MAX_UPDATE_BYTES: (1, 1), "a": (1, 1)}, 1, 1)
    assert json.loads(line.decode())["stacks"] == {"a": [1, 1]}
