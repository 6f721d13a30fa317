"""Answers that mean ill: they cost the node that gave them, and no other."""

import copy
import io
import json

import pytest
from rich.console import Console

from waggle_live_controller import Fleet, NodeAnswerInvalid, Snapshot
from waggle_live_controller.answer import read
from waggle_live_controller.top import loop
from waggle_live_controller.top.history import STEP, History, sparkline
from waggle_live_controller.top.layout import Layout
from waggle_live_controller.top.loop import Top
from waggle_live_controller.top.rows import blocks_of
from waggle_live_controller.top.view import NodeView, draw
from waggle_live_controller.top.view_options import ORDERS, ViewOptions

from ..conftest import body, function, http, plugin, rate, timer

GOOD = plugin(
    timers=[timer()],
    rates=[rate()],
    gauges=[{"name": "cars", "labels": {"a": "b"}, "age": 0.1, "value": 3}],
    counters=[{"name": "frames", "labels": {}, "age": 0.1, "total": 7}],
    cpu_per_second=0.3,
    memory_bytes=25e6,
    memory_scope="container",
    messages={"inference": 10},
    messages_per_second={"inference": 1.0},
    messages_age={"inference": 0.5},
    uploads=2,
    functions=[function("f"), function("g", 2.0)],
    tau={"last_dump": 1.0, "dropped": 0, "torn": 0},
)
#: Texts of JSON in the place of each value.
VALUES = [
    "1e999",
    "-1e999",
    "1" + "0" * 400,
    "9" * 5000,
    "1.7976931348623157e308",
    "-1.7976931348623157e308",
    str(int(1.7976931348623157e308)),
    str(2**62),
    str(2**63),
    "5e-324",
    "-1",
    "NaN",
    "true",
    "null",
    '""',
    r'"\ud800"',
    r'"\u001b[2J\r\n"',
    "[]",
    "{}",
    "[null]",
    '{"":""}',
    r'{"\udfff":1}',
    '{"a":1,"a":2}',
    "[" * 2000 + "]" * 2000,
]


def places(value, path=()):
    """Yield the path to each value within a value of JSON."""
    yield path
    inner = enumerate(value) if isinstance(value, list) else ()
    for key, each in value.items() if isinstance(value, dict) else inner:
        yield from places(each, (*path, key))


def with_value(whole, path, text):
    """Return the bytes of an answer that has the JSON ``text`` at a place."""
    whole = holder = copy.deepcopy({"": whole})
    for key in ("", *path)[:-1]:
        holder = holder[key]
    holder[("", *path)[-1]] = "@"
    return json.dumps(whole[""]).replace('"@"', text).encode("utf-8")


def picture(order, *answers):
    """Draw the view after the answers of a node, and return its lines."""
    history = History()
    for at, answer in enumerate(answers):
        snapshot = Snapshot("http://n", answer.node, answer.plugins, float(at))
        node = NodeView("http://n", answer.node, blocks_of(snapshot, history), None, float(at))
    return draw([node], ViewOptions(order, ""), now=9.0, width=80).lines


@pytest.mark.parametrize("text", VALUES, ids=[text[:12] for text in VALUES])
def test_whatever_stands_in_an_answer(text):
    """In each place of it: either it is a ValueError, or it can be shown and written."""
    whole = json.loads(body(GOOD, gone=[{"plugin": "a", "exits": {"ok": 1}}]).decode("utf-8"))
    good = read(json.dumps(whole).encode("utf-8"))
    for number, path in enumerate(places(whole)):
        try:
            answer = read(with_value(whole, path, text))
        except ValueError:
            continue
        for line in picture(ORDERS[number % len(ORDERS)], good, answer, good, answer):
            written = line.plain.encode("utf-8")
            assert b"\x1b" not in written and b"\n" not in written


@pytest.mark.parametrize("text", VALUES, ids=[text[:12] for text in VALUES])
def test_one_bad_node_costs_itself(servers, text):
    """The others of a fleet are polled and shown, whatever it answers."""
    good, bad = servers(), servers()
    good.answer = lambda request: http(body(GOOD))
    whole = json.loads(body(GOOD).decode("utf-8"))
    for path in (("plugins",), ("plugins", 0, "cpu_per_second"), ("plugins", 0, "state")):
        bad.answer = lambda request, path=path: http(with_value(whole, path, text))
        file = io.StringIO()
        with Fleet([bad.url, good.url]) as fleet:
            Top(fleet=fleet, console=Console(file=file, width=100)).once(within=20)
            snapshots, errors = fleet.poll(within=20)
        assert good.url in snapshots and good.url not in errors
        assert set(snapshots) | set(errors) == {good.url, bad.url}
        assert all(isinstance(error, NodeAnswerInvalid) and error.text for error in errors.values())
        shown = file.getvalue()
        assert "detect: up" in shown[shown.index(good.url) :]


@pytest.mark.parametrize("where", ["blocks_of", "draw", "row"])
def test_a_node_that_cannot_be_drawn_costs_itself(servers, monkeypatch, where):
    """Should there be a bug of ours, the line of the node tells it."""
    good, bad = servers(), servers()
    good.answer = lambda request: http(body(GOOD))
    bad.answer = lambda request: http(body(plugin("bad")))
    place = Layout if where == "row" else loop
    original = getattr(place, where)

    def broken(what, *arguments, **named):
        if where == "row":
            if arguments[0].key[0] == bad.url:
                raise ZeroDivisionError("of ours")
            return original(what, *arguments)
        nodes = [what] if isinstance(what, Snapshot) else list(what)
        if any(where == "draw" and each.blocks and each.url == bad.url for each in nodes) or (
            where == "blocks_of" and nodes[0].url == bad.url
        ):
            raise ZeroDivisionError("of ours")
        return original(what, *arguments, **named)

    monkeypatch.setattr(place, where, broken)
    file = io.StringIO()
    with Fleet([bad.url, good.url]) as fleet:
        assert not Top(fleet=fleet, console=Console(file=file, width=100)).once(within=20)
    shown = file.getvalue()
    assert "can't be shown: ZeroDivisionError('of ours')" in shown
    assert "detect: up" in shown and "bad: up" not in shown


def test_curves_of_the_largest_numbers():
    """Their distance is no float, and what is infinite is a gap."""
    history = History()
    for step, value in enumerate((1.7e308, -1.7e308, float("inf"), float("nan"), 5e-324, 0.0)):
        values = history.add("key", STEP * step, value)
    assert sparkline(values, 6) == "█▁  ▅▅"
