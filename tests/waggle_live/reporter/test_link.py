"""The link to a collector that means ill, or is none: it costs a plugin next to nothing."""

import itertools
import re
import socket
import threading
import time
from pathlib import Path

import pytest

from waggle_live.live import LiveMetrics
from waggle_live.reporter import link as link_module
from waggle_live.reporter.link import CLOSING_CODES, CODES

from ..helpers import ROOT, environment, run_python, until
from ..listener import Hostile

pytestmark = pytest.mark.oldest_and_newest


def endless(data):
    """Say the same without end."""

    def play(peer):
        while True:
            peer.sendall(data)

    return play


def numbered(line):
    """Say a line with a number that rises, without end."""

    def play(peer):
        for hundred in itertools.count():
            peer.sendall(b"".join(line % (100 * hundred + n) for n in range(100)))

    return play


def then_close(data):
    """Say something and hang up."""

    def play(peer):
        peer.sendall(data)
        hang_up(peer)

    return play


def hang_up(peer):
    """Close the connection at once."""
    peer.shutdown(socket.SHUT_RDWR)


TAKEN = b'{"type":"error","code":"session_taken","text":"x"}\n'
WRONG_TYPES = b"""[]
null
{"type":5}
{"type":"applied","number":NaN}
{"type":"applied","number":true}
{"type":"applied","number":[1]}
{"type":"error","code":["bad_cell"],"text":{"a":1}}
{"type":"error","code":null,"text":1e999}
"""
PLAYS = {
    "welcomes": endless(b'{"type":"welcome"}\n' * 500),
    "one-line": endless(b"x" * 65536),
    "empty-lines": endless(b"\n" * 65536),
    "short-garbage": endless(b"[[\n" * 20000),
    "too-nested": endless(b"[" * 100000 + b"\n"),
    "nested": endless((b'{"type":"error","text":' + b"[" * 900 + b"]" * 900 + b"}\n") * 20),
    "large-lists": endless(b'{"type":"x","a":[' + b"{}," * 5000 + b"1]}\n"),
    "huge-numbers": endless(b'{"type":"applied","number":' + b"9" * 16000 + b"}\n"),
    "no-utf-8": endless(b'{"type":"\xff\xfe"}\n' * 500),
    "one-error": endless(b'{"type":"error","code":"bad_cell","text":"x"}\n' * 500),
    "new-codes": numbered(b'{"type":"error","code":"c%d","text":"\\u001b[2J\\n"}\n'),
    "all-applied": numbered(b'{"type":"applied","number":%d}\n'),
    "wrong-types": endless(WRONG_TYPES * 100),
    "dribble": endless(b"x"),
    "taken": endless(TAKEN),
    "taken-and-closed": then_close(TAKEN * 500),
    "welcome-and-closed": then_close(b'{"type":"welcome"}\n'),
    "closed": hang_up,
    "silent": lambda peer: time.sleep(60),
}

PLUGIN = r"""
import logging, sys, time

class Lines(logging.Handler):
    def emit(self, record):
        print("line", ascii(record.getMessage()))

logging.getLogger("waggle_live").addHandler(Lines())
logging.getLogger("waggle_live").propagate = False

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

from waggle_live.live import LiveMetrics
live = LiveMetrics(plugin_name="x").open()
for number in range(100):
    live.counter("c", number=number).inc()
time.sleep(0.2)
first, cpu, began = resident(), time.process_time(), time.monotonic()
highest = first
while time.monotonic() - began < 2.5:
    live.counter("c").inc()
    time.sleep(0.02)
    highest = max(highest, resident())
share = (time.process_time() - cpu) / (time.monotonic() - began)
live.flush(0.1)
live.close(timeout=0.1)
print("grown", highest - first)
print("share", share)
"""


@pytest.mark.parametrize("play", PLAYS.values(), ids=PLAYS)
def test_a_hostile_collector_costs_little(tmp_path, play):
    """Whatever it says: bounded memory, CPU, connections and lines of log, and nothing raises."""
    hostile = Hostile(tmp_path / "h.sock", play)
    status, out, err = run_python("-c", PLUGIN, env=environment(hostile.address))
    hostile.stop()
    assert (status, err) == (0, "")
    lines = re.findall("^line (.*)$", out, re.MULTILINE)
    assert int(re.search(r"grown (\d+)", out).group(1)) < 8 << 20
    assert float(re.search(r"share (.+)", out).group(1)) < 0.25
    assert hostile.count < 30
    assert len(lines) <= 3
    assert all(len(line) < 700 and "\\x1b" not in line.replace("\\\\", "") for line in lines)


def test_a_flood_is_let_go_of_and_the_next_collector_gets_all(tmp_path, listener, caplog):
    """One that talks without end is left alone for a while; one line of log says so."""
    hostile = Hostile(tmp_path / "h.sock", endless(b'{"type":"welcome"}\n' * 500))
    live = LiveMetrics(address=hostile.address, plugin_name="flood", interval=0.02)
    live.counter("c").inc(3)
    until(lambda: "is left alone" in caplog.text, timeout=30)
    assert len(caplog.records) == 1
    hostile.stop()
    (tmp_path / "h.sock").unlink()
    listener.stop()
    listener.path = str(tmp_path / "h.sock")
    listener.start()
    assert live.flush(10)
    assert listener.total("counter", "c") == 3


def test_one_that_hangs_up_again_and_again_is_named(tmp_path, caplog):
    """The intervals between attempts double, and one line says why nothing arrives."""
    hostile = Hostile(tmp_path / "h.sock", hang_up)
    live = LiveMetrics(address=hostile.address, plugin_name="short", interval=0.02)
    live.counter("c").inc()
    until(lambda: caplog.records)
    time.sleep(0.5)
    assert hostile.count < 12  # 0.02, 0.04, 0.08, 0.16, 0.32 s
    (record,) = caplog.records
    assert "hung up 5 times in a row" in record.getMessage()
    hostile.stop()


def test_collectors_that_die_young_are_no_collector_that_hangs_up(listener, connect, caplog):
    """One that is killed again and again is looked for as soon as after the first time."""
    live = connect()
    live.counter("c").inc(3)
    live.gauge("g").set_function(time.monotonic)  # the end of a connection shows as it is used
    for number in range(7):
        until(lambda number=number: len(listener.connections) > number)
        until(lambda: len(listener.connections[-1]) > 3)
        listener.stop()
        listener.start()
    assert live.flush(10)
    assert listener.total("counter", "c") == 3
    assert "times in a row" not in caplog.text


def test_texts_are_escaped_and_cut(listener, connect, caplog):
    """Control characters, lone surrogates and long texts don't reach the log as they are."""
    live = connect()
    assert live.flush(2)
    texts = {
        "bad_cell": "\x1b[31m\r\nforged line \x07\x9b\u202e",
        "bad_json": "\ud800" + "é" * 100000,
        "invented": "%s %d %(x)s",
    }
    for code, text in texts.items():
        listener.say({"type": "error", "code": code, "text": text[:2000]})
    listener.say({"type": "error", "code": "invented too", "text": "another"})
    until(lambda: len(caplog.records) == 3)
    assert live.flush(2)
    assert len(caplog.records) == 3
    for record in caplog.records:
        line = record.getMessage()
        assert line.isprintable() and line.encode("ascii") and len(line) < 600
    assert "%s %d %(x)s (unknown)" in caplog.text


def test_codes_are_those_of_the_protocol():
    """Each code that docs/protocol.md names is known, and those that close the connection."""
    text = (Path(str(ROOT)) / "docs" / "protocol.md").read_text(encoding="utf-8")
    table = text[text.index("| code | what happened") :].split("\n\n")[0].splitlines()[2:]
    closing, all_codes = set(), set()
    for row in table:
        codes = re.findall("`([a-z_]+)`", row.split("|")[1])
        all_codes.update(codes)
        if row.rstrip(" |").endswith("closed"):
            closing.update(codes)
    assert all_codes == CODES
    assert closing == CLOSING_CODES | {"session_taken", "budget"}  # which closes but sometimes


def test_an_answer_among_many_words_is_found(listener, connect):
    """A flush and the end find their answer behind more than is read at once."""
    live = connect()
    live.counter("c").inc()
    assert live.flush(2)
    chatter = {"type": "error", "code": "bad_cell", "text": "x" * 900}
    done = threading.Event()

    def talk():
        while not done.is_set():
            for _ in range(20):
                listener.say(chatter)
            time.sleep(0.1)  # 180 kB a second

    talking = threading.Thread(target=talk)
    talking.start()
    try:
        for _ in range(5):
            live.counter("c").inc()
            assert live.flush(5) is True
        live.close(timeout=5)
        assert len(listener.messages("bye")) == 1
        assert len(listener.connections) == 1
    finally:
        done.set()
        talking.join()
    assert listener.total("counter", "c") == 6


def test_answers_to_what_was_never_asked(listener, connect):
    """A number that nobody asked, or that is none, answers no flush."""
    live = connect()
    assert live.flush(2)
    listener.answers.clear()
    flushing = []
    thread = threading.Thread(target=lambda: flushing.append(live.flush(3)))
    thread.start()
    assert listener.wait_for(lambda seen: len(seen.messages("flush")) == 2)
    for number in (b"0", b"-1", b"1" + b"0" * 300, b"1.0", b"true", b'"1"', b"null", b"[]", b"inf"):
        with listener._lock:
            listener._peers[0].sendall(b'{"type":"applied","number":%s}\n' % number)
    thread.join()
    assert flushing == [False]


def test_addresses_that_are_none(caplog, monkeypatch):
    """A host that can't be a name costs a line of log, and the sender goes on."""
    monkeypatch.setattr(link_module, "GRACE", 0.0)
    live = LiveMetrics(address="tcp://%s:9" % ("a" * 70), plugin_name="x", interval=0.02)
    live.counter("c").inc()
    until(lambda: caplog.records)
    assert live.flush(0.1) is False
    (record,) = caplog.records
    assert "no collector at tcp://aaa" in record.getMessage()
