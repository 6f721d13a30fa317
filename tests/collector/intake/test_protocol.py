"""One connection's protocol, byte by byte."""

import json

import pytest

from waggle_live.wire.protocol import MAX_LINE_BYTES
from waggle_live_collector.messages import MAX_REFUSALS

from ..world import World, counter

HELLO = {"type": "hello", "version": 1, "session": "session-1", "key": "key-of-the-session"}
TALK = [
    HELLO,
    {"type": "update", "number": 1, "monotonic": 1.0, "cells": [counter("a", 1, place="ä")]},
    {"type": "flush", "number": 5},
    {"type": "update", "number": 2, "monotonic": 2.0, "cells": [counter("a", 2, place="ä")]},
    {"type": "bye", "number": 6, "status": "ok"},
]
BYTES = b"".join(json.dumps(message).encode() + b"\n" for message in TALK)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100, len(BYTES)])
def test_an_exchange_may_arrive_in_any_pieces(size):
    """Byte by byte or all at once: the same answers and the same table."""
    world = World()
    peer = world.peer(None)
    for start in range(0, len(BYTES), size):
        peer.say(BYTES[start : start + size])
    assert [(a["type"], a.get("number")) for a in peer.answers] == [
        ("welcome", None),
        ("applied", 5),
        ("applied", 6),
    ]
    assert world.value("waggle_count_total", name="a") == 2


def test_an_exchange_may_be_split_at_every_byte():
    """Two reads, cut anywhere."""
    for cut in range(len(BYTES)):
        world = World()
        peer = world.peer(None)
        peer.say(BYTES[:cut], BYTES[cut:])
        assert len(peer.answers) == 3
        assert world.value("waggle_count_total", name="a") == 2


def test_a_line_that_is_too_long_costs_itself():
    """It is answered once, skipped to its end, and the next message counts."""
    world = World()
    peer = world.peer()
    for _ in range(20):
        peer.say(b"x" * (MAX_LINE_BYTES // 5))
    assert [answer["code"] for answer in peer.answers[1:]] == ["too_long"]
    peer.say(b"\n")
    peer.update(1, counter("a", 1))
    assert world.value("waggle_count_total", name="a") == 1
    assert world.refusals() == {"too_long": 1}


def test_of_what_arrives_at_once_the_rest_is_skipped_after_a_hundred_bad_lines():
    """A peer can't make the collector work without end; what it says later is heard."""
    world = World()
    peer = world.peer()
    peer.say(b"nonsense\n" * 1000)
    assert len(peer.answers) == 1 + MAX_REFUSALS + 1
    peer.say(b"nonsense\n" * 1000)
    assert len(peer.answers) == 1 + 2 * (MAX_REFUSALS + 1)
    assert world.refusals() == {"bad_json": 2 * (MAX_REFUSALS + 1)}
    peer.say(b"nonsense\n" * 1000 + b'{"type": "upd')
    peer.say(b'ate", "number": 1, "monotonic": 1, "cells": [{"kind": "counter", "name": "a", ')
    peer.say(b'"value": 1}]}\n')
    assert world.value("waggle_count_total", name="a") == 1


def test_an_answer_is_short_whatever_was_refused():
    """Of a kind of 200,000 characters neither the text nor what is quoted is long."""
    (answer,) = World().peer().update(1, {"kind": "x" * 200_000, "name": "a"})
    assert answer["code"] == "bad_cell"
    assert len(json.dumps(answer)) < 2000


def test_an_error_of_ours_closes_the_connection_and_is_noted(monkeypatch, caplog):
    """Whatever it is; with its traceback, and counted."""
    world = World()
    peer = world.peer()
    monkeypatch.setattr(world.processes, "apply", lambda *_: {}["missing"])
    peer.update(1, counter("a", 1))
    assert peer.closed
    assert world.value("waggle_collector_errors_total", where="intake") == 1
    assert "KeyError: 'missing'" in caplog.text


def test_bye_is_answered_when_it_is_saved_also_after_the_end_of_the_input():
    """A one-shot client that closes its side still gets its answer; only then we close."""
    world = World()
    calls = []
    world.when_saved = calls.append
    peer = world.peer()
    peer.bye()
    peer.protocol.end_of_file()
    assert not peer.closed
    assert peer.answers[1:] == []
    for call in calls:
        call(True)
    assert peer.answers[1:] == [{"type": "applied", "number": 2}]
    assert peer.closed


def test_a_connection_whose_bye_is_not_saved_in_time_is_told_so_and_closed():
    """Whoever still waits can connect and ask again."""
    world = World()
    calls = []
    world.when_saved = calls.append
    peer = world.peer()
    peer.bye()
    for call in calls:
        call(False)
    assert peer.closed
    assert [answer["code"] for answer in peer.answers[1:]] == ["not_saved"]
    world.when_saved = lambda call: call(True)
    again = world.peer()
    assert again.bye() == [{"type": "applied", "number": 2}]
    assert world.value("waggle_plugin_exits_total", status="ok") == 1


def test_the_end_of_the_input_ends_the_connection():
    """Twice is as good as once."""
    world = World()
    peer = world.peer()
    peer.protocol.end_of_file()
    peer.protocol.end_of_file()
    assert peer.closed
    assert world.value("waggle_plugin_up") == 0
    assert world.value("waggle_collector_sessions", state="disconnected") == 1


def test_a_refused_hello_may_be_said_again():
    """Only what can't be mended closes the connection."""
    peer = World().peer(None)
    assert peer.hello("x")[0]["code"] == "bad_message"
    assert peer.hello()[0]["type"] == "welcome"
