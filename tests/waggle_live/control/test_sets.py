"""What a collector may say in a ``set``: the vectors, anything at all, and as much as there is."""

import json
import random
from pathlib import Path

import pytest

from waggle_live.wire.protocol import MAX_UPDATE_BYTES

from .setting import give, lease, shout, wait_told

VECTORS = Path(__file__).parents[2] / "vectors" / "sets.jsonl"
EXAMPLES = [json.loads(line) for line in VECTORS.read_text(encoding="utf-8").splitlines()]


def declare_all(live):
    """Declare the knobs that the vectors know, and return them by name."""
    made = [
        live.knob("resolution", 1080, choices=[360, 720, 1080]),
        live.knob("threshold", 0.5, low=0.3, high=0.9),
        live.knob("scale", 1.0, low=0, high=4),
        live.knob("model", "s", choices=["n", "s", "m"]),
        live.knob("blur", False),
        live.knob("count", 1),
        live.knob("label", ""),
        live.knob("prompt", ""),
    ]
    return {knob.name: knob for knob in made}


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["title"] for example in EXAMPLES])
def test_the_vectors(example, connect, listener):
    """What the client takes of each, and what it answers."""
    live = connect()
    knobs = declare_all(live)
    wait_told(listener, "prompt")
    text = example.get("text") or json.dumps(example["message"])
    shout(listener, text.encode() + b"\n")
    shout(listener, b'{"type":"applied"}\n')
    assert live.flush(5)  # its answer is read after them
    for name, revision in example.get("revisions", {}).items():
        wait_told(listener, name, revision=revision, source="set", error=None)
    for name, revision in example.get("refused", {}).items():
        assert wait_told(listener, name, revision=revision)["error"]
    for name, value in example["values"].items():
        assert knobs[name].value == value
        assert type(knobs[name].value) is type(value)


def test_the_last_of_many_sets_is_taken(connect, listener):
    """However many come at once, a knob changes only so often."""
    knob = connect().knob("a", 0)
    wait_told(listener, "a")
    lines = [
        {"type": "set", "number": n, "knobs": [lease("a", n, revision=n)]} for n in range(1, 500)
    ]
    shout(listener, b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    wait_told(listener, "a", value=499)
    assert len(listener.messages("knobs")) < 20
    assert knob.value == 499


def anything(draw, depth=0):
    """Return any JSON, near to what a ``set`` is made of."""
    kinds = [
        lambda: draw.choice([None, True, False, 0, 1, -1, 2**63, 10**400, 0.5, 1e308, "", "s"]),
        lambda: draw.choice([360, 0.4, "m", "NaN", float("nan"), float("inf"), "\u0000", "x" * 65]),
        lambda: [anything(draw, depth + 1) for _ in range(draw.randrange(4))],
        lambda: entry(draw, depth),
    ]
    return draw.choice(kinds[: 2 if depth > 3 else 4])()


def entry(draw, depth=0):
    names = ["resolution", "threshold", "model", "blur", "count", "__profile", "nonesuch"]
    made = lease(draw.choice(names), None)
    for field in ("value", "seconds", "revision", "name", "later"):
        if draw.random() < 0.5:
            made[field] = anything(draw, depth + 1)
        elif draw.random() < 0.1:
            made.pop(field, None)
    return made


def test_fuzzed_sets_do_no_harm(connect, listener, caplog):
    """No value that a declaration forbids, no exception, few lines of log, the sender goes on."""
    live = connect()
    knobs = declare_all(live)
    wait_told(listener, "prompt")
    draw = random.Random(17)
    for _ in range(60):
        lines = []
        for _ in range(20):
            message = {"type": "set", "number": anything(draw), "knobs": anything(draw)}
            if draw.random() < 0.8:
                message["knobs"] = [entry(draw) for _ in range(draw.randrange(6))]
            if draw.random() < 0.2:
                message["stacks"] = anything(draw)
            lines.append(json.dumps(message).encode() + b"\n")
        shout(listener, b"".join(lines))
        live.counter("events").inc()
        assert live.flush(5)
        for knob in knobs.values():
            assert knob.declaration.check(knob.value) == knob.value
    assert len(listener.messages("hello")) == 1
    assert live._reporter._sender is not None
    assert len(caplog.records) <= 2, [record.getMessage() for record in caplog.records]
    assert not [record for record in caplog.records if record.exc_info]


def test_the_largest_knobs_fit_a_message(connect, listener):
    """32 of the longest names, choices and texts, within what a collector takes."""
    live = connect()
    for number in range(32):
        choices = ["%02d%s" % (choice, "x" * 62) for choice in range(16)]
        live.knob("%03d%s" % (number, "n" * 125), choices[0], choices=choices)
    wait_told(listener, "031" + "n" * 125)
    size = len(json.dumps(listener.messages("knobs")[-1]))
    assert MAX_UPDATE_BYTES < size * 2 < 512 * 1024
    long = lease("000" + "n" * 125, "15" + "x" * 62)
    give(listener, *[dict(long, name="%03d%s" % (n, "n" * 125)) for n in range(32)])
    wait_told(listener, "031" + "n" * 125, value="15" + "x" * 62)
