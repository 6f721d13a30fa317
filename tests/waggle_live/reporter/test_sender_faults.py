"""The sender in trouble: refused, hung up on, forbidden. The plugin hears of it in one line."""

import contextlib
import ctypes
import logging
import socket
import threading
import time

import pytest

from waggle_live.live import LiveMetrics
from waggle_live.reporter import link as link_module
from waggle_live.reporter.connection import Connection
from waggle_live.reporter.session import Session

from ..helpers import cell, until

pytestmark = pytest.mark.oldest_and_newest


def errors_of(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_no_collector_is_one_line_after_a_while(tmp_path, monkeypatch, caplog):
    """Without a collector: silence for two seconds, then one line, whatever follows."""
    assert link_module.GRACE == 2.0
    monkeypatch.setattr(link_module, "GRACE", 0.2)
    live = LiveMetrics(address="unix://%s/none" % tmp_path, plugin_name="x", interval=0.02)
    began = time.time()
    with live:
        live.counter("c").inc()
        until(lambda: errors_of(caplog))
        time.sleep(0.2)
        assert live.flush(0.1) is False
    (line,) = errors_of(caplog)
    assert caplog.records[0].created - began >= 0.2 - 0.01  # the wall clock may be slewed
    assert "unix://%s/none" % tmp_path in line
    assert "No such file" in line


def test_a_short_plugin_hears_it_at_its_end(tmp_path, monkeypatch, caplog):
    """A plugin that ends before those two seconds is told at its end, in one line."""
    monkeypatch.setattr(link_module, "GRACE", 60.0)
    with LiveMetrics(address="unix://%s/none" % tmp_path, plugin_name="x") as live:
        pass
    assert not errors_of(caplog)  # the block's end is not the plugin's
    live.close()
    until(lambda: len(errors_of(caplog)) == 1)


def test_a_listener_that_hangs_up_at_once(listener, connect, caplog):
    """One that accepts and closes: retried quietly, at most one line, and fine once it behaves."""
    listener.hangs_up = True
    live = connect()
    live.counter("c").inc(7)
    time.sleep(0.3)
    assert live.flush(0.1) is False
    assert len(errors_of(caplog)) <= 1
    listener.hangs_up = False
    assert listener.wait_for(lambda seen: seen.total("counter", "c") == 7)
    assert live.flush(2) is True
    assert len(errors_of(caplog)) <= 1


def test_error_replies_are_logged_once(listener, connect, caplog):
    """An error is logged once per code; what follows goes on."""
    live = connect()
    live.counter("c").inc()
    assert live.flush(2)
    for _ in range(3):
        for code in ("bad_cell", "series_limit"):
            listener.say({"type": "error", "code": code, "text": "text of " + code})
    assert listener.wait_for(lambda _: len(errors_of(caplog)) == 2)
    live.counter("c").inc()
    assert live.flush(2)
    assert listener.total("counter", "c") == 2
    assert sorted("text of bad_cell" in line for line in errors_of(caplog)) == [False, True]
    assert len(listener.connections) == 1


def test_unknown_messages_are_ignored(listener, connect, caplog):
    """Types and fields of a later protocol, and odd ones, cost nothing."""
    live = connect()
    assert live.flush(2)
    listener.say({"type": "news", "text": 3})
    listener.say({"type": "error"})
    listener.say({"type": "applied"})
    listener.say({"type": "applied", "number": "x", "more": []})
    live.counter("c").inc()
    assert live.flush(2)
    assert listener.total("counter", "c") == 1
    assert len(errors_of(caplog)) == 1


@pytest.mark.parametrize("code", ["version", "session_limit", "identity"])
def test_refused_at_the_door(listener, connect, caplog, code):
    """Refused by a code that ends the connection: one line, and no storm of attempts."""
    listener.refuse = {"type": "error", "code": code, "text": "go away"}
    live = connect()
    live.counter("c").inc()
    assert listener.wait_for(lambda _: errors_of(caplog))
    time.sleep(0.5)
    assert 1 <= len(listener.connections) <= 3
    assert len(errors_of(caplog)) == 1
    assert "go away" in errors_of(caplog)[0]
    listener.refuse = None
    assert live.flush(2) is True  # somebody waits, so it is tried at once
    assert listener.total("counter", "c") == 1


def test_session_taken(listener, connect, caplog):
    """An id that somebody else holds: a new id and key, and everything is sent under them."""
    answer = listener._answer

    def refuse_once(message):
        listener._answer = answer
        return [{"type": "error", "code": "session_taken", "text": "taken"}]

    listener._answer = refuse_once
    live = connect()
    live.counter("c").inc(3)
    assert listener.wait_for(lambda _: errors_of(caplog))
    assert listener.wait_for(lambda seen: seen.messages("update"))
    assert live.flush(2)
    hellos = listener.messages("hello")
    assert hellos[0]["session"] != hellos[-1]["session"]
    assert hellos[0]["key"] != hellos[-1]["key"]
    assert listener.state()[hellos[-1]["session"], ("counter", "c", ())]["value"] == 3
    assert len(errors_of(caplog)) == 1


def test_a_flood_of_replies(listener, connect):
    """A collector that talks without end neither blocks the plugin nor stops the sending."""
    live = connect()
    assert live.flush(2)
    with listener._lock:
        peer = listener._peers[0]
    peer.settimeout(0.5)
    sent = 0
    end = time.monotonic() + 0.5
    try:
        while time.monotonic() < end:
            peer.sendall(b'{"type":"error","code":"bad_cell","text":"x"}\n' * 500)
            sent += 500
    except (socket.timeout, OSError):
        pass
    with contextlib.suppress(OSError):  # the client may have hung up by now
        peer.settimeout(None)
    live.counter("c").inc()
    assert live.flush(10)
    assert listener.total("counter", "c") == 1
    assert sent > 0


def test_no_thread_can_be_started(listener, caplog, monkeypatch):
    """The plugin goes on without, which is said once; a flush tries again, and nothing is lost."""

    def refuse(*_):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as without_threads:
        without_threads.setattr("waggle_live.native.Native._start_new_thread", refuse)
        live = LiveMetrics(address="unix://" + listener.path, plugin_name="x")
        live.counter("c").inc()
        assert live.flush(0.1) is False
        assert cell(live, "counter", "c")["value"] == 1
    assert live.flush(5)
    live.close()
    assert ["can't start new thread" in said for said in errors_of(caplog)] == [True]


@pytest.mark.parametrize("place", ["addresses", "hello", "receive", "states"])
def test_a_fault_of_ours_is_logged_and_the_sender_goes_on(
    listener, connect, caplog, monkeypatch, place
):
    """Each kind once with its traceback, a second one of the same type too; then all is sent."""
    # How often it is tried meanwhile depends on the machine, and is none of this.
    monkeypatch.setattr(link_module, "DEFAULT_SHORT_TOLD", 10**9)
    live = connect()
    assert live.flush(5)
    owner = {
        "addresses": (live._reporter._sender._link, "_addresses"),
        "hello": (Session, "hello"),
        "receive": (Connection, "receive"),
        "states": (live._reporter._sender._updates, "_all"),
    }[place]

    def fail(*args, **kwargs):
        raise KeyError("cells")

    def fail_elsewhere(*args, **kwargs):
        raise KeyError("cells")

    for count, fault in enumerate((fail, fail_elsewhere), 1):
        with monkeypatch.context() as patch:
            patch.setattr(*owner, fault)
            listener.hang_up()
            live.counter("c").inc()
            until(lambda n=count: len(caplog.records) == n)
            assert live.flush(0.1) is False
    assert live.flush(5) is True
    assert listener.total("counter", "c") == 2
    assert len(caplog.records) == 2
    for record in caplog.records:
        text = logging.Formatter().format(record)
        assert "Traceback" in text and "connects again" in text and "KeyError: 'cells'" in text


def test_a_tool_that_ends_all_threads(listener, connect, caplog):
    """What it raises doesn't end the sender's, which logs it, nor that of the gauges' functions."""
    live, asked = connect(), []
    live.gauge("g").set_function(lambda: asked.append(1) or len(asked))
    assert live.flush(5)
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    for each in threading.enumerate():
        if each.name in ("waggle-live", "live-gauge-functions"):
            assert raise_in(ctypes.c_ulong(each.ident), ctypes.py_object(SystemExit)) == 1
    until(lambda: caplog.records)
    before = len(asked)
    until(lambda: len(asked) > before + 3)
    live.counter("c").inc()
    assert live.flush(5) is True
    assert listener.total("counter", "c") == 1


def flush_in_a_thread(live, timeout):
    """Start a flush; return its thread and where its answer will be."""
    answers = []
    thread = threading.Thread(target=lambda: answers.append(live.flush(timeout)))
    thread.start()
    return thread, answers


def test_sending_goes_on_while_a_flush_is_not_answered(listener, connect):
    """A collector that answers nothing gets the values all the same."""
    live = connect()
    listener.answers.clear()
    flushing, answers = flush_in_a_thread(live, 20)
    assert listener.wait_for(lambda seen: seen.messages("flush"))
    for total in range(1, 6):
        live.counter("c").inc()
        assert listener.wait_for(lambda seen, n=total: seen.total("counter", "c") == n)
    listener.answers.set()
    assert live.flush(5) is True
    flushing.join(10)
    assert answers == [True]  # what was asked later was applied later


def test_an_end_does_not_wait_for_a_flush(listener, connect):
    """Beside a flush that nobody answers, the end is said at once; then the flush is answered."""
    live = connect()
    live.counter("c").inc()
    listener.answers.clear()
    flushing, answers = flush_in_a_thread(live, 30)
    assert listener.wait_for(lambda seen: seen.messages("flush"))
    began = time.monotonic()
    live.close(timeout=0.2)
    flushing.join(10)
    assert time.monotonic() - began < 8
    assert answers == [False]
    assert listener.wait_for(lambda seen: len(seen.messages("bye")) == 1)
    assert listener.total("counter", "c") == 1


@pytest.mark.parametrize("answered", [True, False])
def test_a_flush_after_the_end_is_answered_at_once(listener, connect, answered):
    """True if all was applied with the end; False if that is not known, or more was recorded."""
    live = connect()
    live.counter("c").inc()
    assert live.flush(5)
    if not answered:
        listener.answers.clear()
    live.close(timeout=5 if answered else 0.2)
    began = time.monotonic()
    assert live.flush(30) is answered
    assert time.monotonic() - began < 5
    listener.answers.set()
    live.counter("c").inc()
    assert live.flush(5) is True
    assert listener.total("counter", "c") == 2
