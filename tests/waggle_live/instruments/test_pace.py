"""``live.pace``: a rate whose items are taken no faster than a knob allows."""

import threading
import time
from types import SimpleNamespace

import pytest

from waggle_live.control.knob import Knob
from waggle_live.instruments import pace as pace_module
from waggle_live.instruments.pace import Limit, declare_limit
from waggle_live.wire.errors import InvalidMetric, InvalidType
from waggle_live.wire.knobs import Lease

from ..control.setting import give, lease, wait_told
from ..helpers import cell, environment, in_threads, run_python, until, write_script


@pytest.fixture
def limit_of(live):
    """Set a knob as a lease does, until the test's end."""

    def set_to(name, value):
        live._knobs.take([Lease(name, value, 60.0, 1)], time.monotonic())
        return live._knobs._by_name[name]

    yield set_to
    live._knobs.take([], time.monotonic())


def test_without_a_lease_it_is_each(live):
    """One event an item, each as it is, and no sleep."""
    assert list(live.pace("fps", iter(range(1000)))) == list(range(1000))
    assert cell(live, "rate", "fps")["count"] == 1000
    assert live._knobs._by_name["fps"].slept == 0.0


def test_the_knob_of_a_pace(live):
    """It is a float between low and high; high is the default, and no limit."""
    live.pace("fps", [], low=2, high=30)
    declaration = live._knobs._by_name["fps"].declaration
    assert declaration.fields() == {
        "name": "fps",
        "type": "float",
        "default": 30.0,
        "low": 2.0,
        "high": 30.0,
        "better": "higher",
    }
    assert live.knob("fps", 30.0, low=2.0, high=30.0, better="higher").value == 30.0


@pytest.mark.parametrize(
    "bounds, error",
    [
        ({"low": 0}, InvalidMetric),
        ({"low": -1}, InvalidMetric),
        ({"low": 5, "high": 5}, InvalidMetric),
        ({"low": 5e-324}, InvalidMetric),
        ({"low": float("nan")}, InvalidMetric),
        ({"high": 10**5000}, InvalidMetric),
        ({"high": float("inf")}, InvalidMetric),
        ({"low": "1"}, InvalidType),
        ({"low": None}, InvalidMetric),
        ({"low": True, "high": 2.0}, InvalidType),
    ],
)
def test_bad_bounds_raise_at_the_call(live, bounds, error):
    """With the rule."""
    with pytest.raises(error, match="fps"):
        live.pace("fps", [], **bounds)


def test_what_cannot_be_iterated(live):
    """It is an error at the call, and so is a rate that is used as a block."""
    with pytest.raises(InvalidType, match="pace of rate 'fps' takes an iterable, got int: 5"):
        live.pace("fps", 5)
    with live.rate("block"):
        pass
    with pytest.raises(InvalidMetric, match="block"):
        next(live.pace("block", [1]))


def test_a_limit_holds_the_rate(live, limit_of):
    """Items are taken no faster; the time slept is counted."""
    items = live.pace("fps", range(21), low=1)
    knob = limit_of("fps", 50)
    begin = time.monotonic()
    assert len(list(items)) == 21
    took = time.monotonic() - begin
    assert took >= 20 / 50 - 0.02  # the first passes at once, and a late one is made up for
    assert 0 < knob.slept <= took + 0.01


def test_threads_share_the_limit(live, limit_of):
    """As they share the items."""
    items = live.pace("fps", iter(range(40)), low=1)
    limit_of("fps", 80)
    taken = []
    begin = time.monotonic()
    in_threads(4, lambda: taken.extend(items))
    assert sorted(taken) == list(range(40))
    assert time.monotonic() - begin >= 39 / 80 - 0.05


def test_a_lift_is_felt_at_once(live, limit_of):
    """Within a slice of the sleep, however slow the limit was."""
    items = live.pace("fps", range(3), low=0.01)
    limit_of("fps", 0.01)
    assert next(items) == 0
    taken = []
    thread = threading.Thread(target=lambda: taken.append(next(items)))
    thread.start()
    time.sleep(0.1)
    assert not taken
    live._knobs.take([], time.monotonic())
    thread.join(10)
    assert taken == [1]


def test_a_pace_is_set_and_its_sleep_told(connect, listener):
    """The collector sets it, and hears how long it has slept, at the end too."""
    live = connect()
    items = live.pace("fps", iter(int, 1), low=1)
    next(items)
    assert wait_told(listener, "fps")["slept"] == 0
    give(listener, lease("fps", 5))
    until(lambda: live._knobs._by_name["fps"].current == 5.0)
    for _ in range(4):
        next(items)
    assert until(lambda: wait_told(listener, "fps", value=5.0)["slept"] > 0)
    next(items)
    total = live._knobs._by_name["fps"].slept
    live.close()
    assert until(lambda: listener.messages("bye"))
    entries = [e for m in listener.messages("knobs") for e in m["knobs"] if e["name"] == "fps"]
    assert max(entry["slept"] for entry in entries) == pytest.approx(total, abs=1e-5)


FORK = """
import os, sys, signal, threading, time
from waggle_live.live import LiveMetrics
from waggle_live.wire.knobs import Lease
live = LiveMetrics(address="off", plugin_name="forking")
items = live.pace("fps", range(3))
live._knobs.take([Lease("fps", 100, 60.0, 1)], time.monotonic())
begun = threading.Event()
def wait():
    with items._knob.lock:
        begun.set()
        time.sleep(60)
threading.Thread(target=wait, daemon=True).start()
begun.wait()
pid = os.fork()
if pid == 0:
    signal.alarm(10)
    items._knob.current = 100.0
    os._exit(list(items) != [0, 1, 2])
os._exit(os.waitpid(pid, 0)[1] != 0)
"""


def test_a_fork_within_another_threads_wait(tmp_path):
    """The child goes on, where nobody gives the lock back that the thread held."""
    path = write_script(tmp_path, FORK)
    assert run_python("-W", "ignore", path, env=environment()) == (0, "", "")


def test_it_is_closed_as_its_items_are(live):
    """Closed and thrown into as they are, and without methods of theirs it does nothing."""
    events = []

    def source():
        try:
            yield 1
            yield 2
        except KeyError:
            events.append("thrown")
            yield 3
        finally:
            events.append("closed")

    items = live.pace("fps", source())
    assert next(items) == 1
    assert items.throw(KeyError()) == 3
    items.close()
    assert events == ["thrown", "closed"]
    live.pace("fps", [1]).close()


def test_an_interrupted_sleep_is_counted(live, monkeypatch):
    """What a signal handler raises goes to the author."""
    knob = Knob(declare_limit("fps", 0.1, 10.0), 0.1, SimpleNamespace())
    limit = Limit(knob)
    limit.wait()

    def interrupt(seconds):
        time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(pace_module, "_sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        limit.wait()
    assert knob.slept >= 0.01


@pytest.mark.parametrize("library", ["gevent", "eventlet"])
def test_greenlets_run_while_one_is_paced(live, library, monkeypatch):
    """The sleep is theirs where it is patched; here by a stand-in that tells it was called."""
    slept = []

    def sleep(seconds):
        slept.append(seconds)

    sleep.__module__ = library + ".hub"
    monkeypatch.setattr(time, "sleep", sleep)
    pace_module._sleep(0.1)
    assert slept == [0.1]
