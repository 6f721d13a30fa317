"""Leases: a ``set`` is taken or refused, renewed, and ends by itself."""

import ctypes
import json
import threading
import time
from contextlib import suppress

import pytest

from waggle_live.control import expiry
from waggle_live.native import Native

from ..helpers import environment, run_python, until, write_script
from .setting import give, lease, run_out, told, wait_told


def test_a_set_is_acknowledged(connect, listener):
    """By the whole state; a renewal is no change, and says nothing."""
    knob = connect().knob("a", 1, low=0, high=9)
    wait_told(listener, "a")
    give(listener, lease("a", 5, revision=7))
    entry = wait_told(listener, "a", revision=7)
    assert (entry["value"], entry["source"]) == (5, "set")
    assert knob.value == 5
    count = len(listener.messages("knobs"))
    give(listener, lease("a", 5, revision=7))
    time.sleep(0.6)
    assert len(listener.messages("knobs")) == count
    give(listener)
    entry = wait_told(listener, "a", source="default")
    assert entry["value"] == 1


def test_a_lease_ends_by_itself(connect, listener):
    """By the client's own clock, and the thread that ends it ends with it."""
    knob = connect().knob("a", 1)
    wait_told(listener, "a")
    give(listener, lease("a", 5, seconds=2))
    until(lambda: knob.value == 5)
    until(lambda: knob.value == 1)
    wait_told(listener, "a", source="default", revision=1)
    until(lambda: "live-leases" not in [each.name for each in threading.enumerate()])


def test_a_lease_ends_without_a_collector(connect, listener):
    """Whatever has become of the connection."""
    knob = connect().knob("a", 1)
    wait_told(listener, "a")
    give(listener, lease("a", 5))
    until(lambda: knob.value == 5)
    listener.stop()
    run_out(knob)
    until(lambda: knob.value == 1)


def test_a_lease_outlives_a_restart_of_the_collector(connect, listener):
    """Within its time: the value stays, and is told to the new one."""
    knob = connect().knob("a", 1)
    wait_told(listener, "a")
    give(listener, lease("a", 5, seconds=30))
    wait_told(listener, "a", value=5)
    listener.stop()
    listener.start()
    until(lambda: len(listener.connections) > 1 and listener.connections[-1])
    until(lambda: [m for m in listener.connections[-1] if m["type"] == "knobs"])
    assert told(listener)["a"]["value"] == knob.value == 5


def test_a_sender_that_hangs_keeps_no_value(connect, listener, monkeypatch):
    """The lease ends in a thread of its own."""
    live = connect()
    knob = live.knob("a", 1)
    wait_told(listener, "a")
    give(listener, lease("a", 5))
    until(lambda: knob.value == 5)
    hung = threading.Event()
    monkeypatch.setattr(live._reporter._sender._updates, "take", lambda everything: hung.wait(20))
    run_out(knob)
    try:
        until(lambda: knob.value == 1)
    finally:
        monkeypatch.undo()
        hung.set()


def test_a_set_that_lay_about_is_counted_from_its_coming(connect, listener):
    """A sender that was held up takes no lease whose time is over: who gave it may be gone."""
    live = connect()
    knob = live.knob("a", 1)
    live.knob("b", 1)
    wait_told(listener, "b")
    link = live._reporter._sender._link
    hung, goes_on = threading.Event(), threading.Event()
    look = link.look

    def hang(urgent):
        link.look = look
        hung.set()
        goes_on.wait(20)
        look(urgent)

    link.look = hang
    assert hung.wait(5)
    give(listener, lease("a", 5, seconds=0.5, revision=3), lease("b", 5, seconds=50, revision=4))
    time.sleep(0.6)
    goes_on.set()
    wait_told(listener, "b", value=5)
    entry = told(listener)["a"]
    assert (entry["revision"], entry["source"]) == (3, "default")
    assert (entry["value"], knob.value) == (1, 1)


def test_without_a_thread_for_its_end_no_lease_is_taken(connect, listener, monkeypatch):
    """Nobody would end it."""
    knob = connect().knob("a", 1)
    wait_told(listener, "a")

    def refuse(run, name=""):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Native, "start_thread", staticmethod(refuse))
    give(listener, lease("a", 5))
    entry = wait_told(listener, "a", revision=1)
    assert "thread" in entry["error"]
    assert knob.value == 1


def test_a_refused_entry_leaves_the_lease_from_before(connect, listener):
    """Until its own end."""
    knob = connect().knob("a", 1, low=0, high=9)
    wait_told(listener, "a")
    give(listener, lease("a", 5))
    until(lambda: knob.value == 5)
    give(listener, lease("a", 50, revision=2))
    entry = wait_told(listener, "a", revision=2)
    assert (entry["value"], entry["source"]) == (5, "set")
    run_out(knob)
    until(lambda: knob.value == 1)


def test_what_ends_all_threads_leaves_no_lease_without_end(connect, listener):
    """As tools do that raise SystemExit in every thread."""
    knob = connect().knob("a", 1)
    wait_told(listener, "a")
    give(listener, lease("a", 5))
    until(lambda: knob.value == 5)
    (thread,) = [each for each in threading.enumerate() if each.name == "live-leases"]
    exit_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    assert exit_in(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit)) == 1
    run_out(knob)
    until(lambda: knob.value == 1)
    give(listener, lease("a", 6))
    until(lambda: knob.value == 6)
    run_out(knob)
    until(lambda: knob.value == 1)


def test_a_long_interval_delays_nothing(connect, listener):
    """The collector is heard and answered between two sends, and the lease ends in time."""
    live = connect(interval=60)
    knob = live.knob("a", 1)
    wait_told(listener, "a")
    give(listener, lease("a", 5))
    begin = time.monotonic()
    wait_told(listener, "a", value=5)
    run_out(knob)
    wait_told(listener, "a", value=1)
    assert knob.value == 1
    assert time.monotonic() - begin < 30


def test_the_end_of_the_session_ends_its_leases(connect, listener):
    """What comes after it is another session, which starts at the defaults."""
    live = connect()
    knob = live.knob("a", 1)
    wait_told(listener, "a")
    give(listener, lease("a", 5))
    until(lambda: knob.value == 5)
    live.close()
    until(lambda: knob.value == 1)
    assert not knob.changed() or knob.value == 1
    wait_told(listener, "a", revision=0)


def test_leases_are_bounded_by_the_client(connect, listener):
    """A lease of years lasts for a minute: who set it must say so again."""
    live = connect()
    live.knob("a", 1)
    wait_told(listener, "a")
    give(listener, lease("a", 5, seconds=1e12))
    wait_told(listener, "a", value=5)
    assert live._knobs.get(live.knob("a", 1).declaration).until - time.monotonic() < 61
    assert expiry.LOOK_SECONDS <= 0.5


FORK = """
import os, sys, time
from waggle_live.live import LiveMetrics
live = LiveMetrics(plugin_name="forking")
knob = live.knob("a", 1)
def wait(value):
    until = time.monotonic() + 10
    while knob.value != value and time.monotonic() < until:
        time.sleep(0.01)
wait(5)
assert knob.value == 5
assert knob.changed()
pid = os.fork()
if pid == 0:
    assert knob.value == 1, knob.value
    assert knob.changed()      # begins the child's own session
    wait(7)
    os._exit(0 if knob.value == 7 else 1)
assert knob.value == 5
sys.exit(os.waitpid(pid, 0)[1] >> 8)
"""


def test_a_forked_child_starts_at_the_default(listener, tmp_path):
    """It is a process of its own, which can be set apart from its parent."""
    path = write_script(tmp_path, FORK)
    stop = threading.Event()

    def control():
        while not stop.wait(0.05):
            for index, peer in enumerate(list(listener._peers)):
                value = 5 if index == 0 else 7
                message = {"type": "set", "number": 1, "knobs": [lease("a", value)]}
                with suppress(OSError):  # a process that has ended
                    peer.sendall(json.dumps(message).encode() + b"\n")

    thread = threading.Thread(target=control)
    thread.start()
    try:
        status, _, err = run_python(path, env=environment("unix://" + listener.path))
    finally:
        stop.set()
        thread.join()
    assert (status, err) == (0, "")


@pytest.mark.parametrize("flags", [[], ["-X", "dev"]])
def test_an_old_collector(flags, listener, tmp_path):
    """One that knows nothing of knobs sets nothing, and nothing is said of it."""
    text = """
    from waggle_live.live import LiveMetrics
    with LiveMetrics(plugin_name="old") as live:
        knob = live.knob("a", 1)
        for _ in live.pace("fps", range(20)):
            assert knob.value == 1
    """
    path = write_script(tmp_path, text)
    done = run_python(*flags, path, env=environment("unix://" + listener.path))
    assert done == (0, "", "")
    assert listener.total("rate", "fps") == 20
