"""The reserved knob ``__profile``: stacks are sampled for as long as a lease lasts."""

import threading
import time

import pytest

from waggle_live.profile.sampler.sampler import SAMPLER

from ..helpers import until
from .setting import give, lease, told, wait_told


class Busy:
    """A thread with a function of a known name."""

    def __enter__(self):
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.spin_for_the_test)
        self._thread.start()
        return self

    def __exit__(self, *exc_info):
        self._stop.set()
        self._thread.join()

    def spin_for_the_test(self):
        while not self._stop.is_set():
            sum(range(1000))


def stacks(listener):
    """Return what was told of stacks, the newest of each."""
    found = {}
    for message in listener.messages("stacks"):
        found.update(message["stacks"])
    return found


def test_stacks_are_told_while_somebody_asks(connect, listener):
    """Cumulative, of that revision, and a last time before the knob is told to be 0 again."""
    live = connect()
    live.counter("events").inc()
    wait_told(listener, "__profile", value=0)
    with Busy():
        give(listener, lease("__profile", 100, seconds=2.5, revision=4), stacks=True)
        wait_told(listener, "__profile", value=100, source="set")
        until(lambda: any("spin_for_the_test" in stack for stack in stacks(listener)), 10)
        wait_told(listener, "__profile", value=0, source="default")
    messages = [message for connection in listener.connections for message in connection]
    ends = [
        index
        for index, message in enumerate(messages)
        if message["type"] == "knobs" and message["knobs"][0]["value"] == 0
    ]
    told_at = [index for index, message in enumerate(messages) if message["type"] == "stacks"]
    assert max(told_at) < max(ends)
    assert {message["revision"] for message in listener.messages("stacks")} == {4}
    numbers = [message["number"] for message in listener.messages("stacks")]
    assert numbers == list(range(1, len(numbers) + 1))
    wall, cpu = next(t for s, t in stacks(listener).items() if "spin_for_the_test" in s)
    assert wall > 0
    assert cpu is None or cpu <= wall * 2
    count = len(told_at)
    time.sleep(0.2)
    assert len(listener.messages("stacks")) == count


def test_without_the_question_no_stacks_are_told(connect, listener):
    """Functions are sampled all the same."""
    live = connect()
    live.counter("events").inc()
    wait_told(listener, "__profile")
    with Busy():
        give(listener, lease("__profile", 100, seconds=10))
        until(lambda: [key for _, key in listener.state() if key[0] == "function"], 10)
    give(listener)
    wait_told(listener, "__profile", value=0)
    assert listener.messages("stacks") == []


def test_another_revision_begins_anew(connect, listener):
    """The older collection is told a last time."""
    live = connect()
    live.counter("events").inc()
    wait_told(listener, "__profile")
    with Busy():
        give(listener, lease("__profile", 100, revision=1), stacks=True)
        until(lambda: listener.messages("stacks"), 10)
        give(listener, lease("__profile", 50, revision=2), stacks=True)
        until(lambda: {m["revision"] for m in listener.messages("stacks")} == {1, 2}, 10)
    revisions = [message["revision"] for message in listener.messages("stacks")]
    assert revisions == sorted(revisions)


@pytest.mark.parametrize("value", [201, -1, True, 50.0, "50", None])
def test_a_rate_that_is_none_is_refused(connect, listener, value):
    """The reserved knob has bounds as others have."""
    live = connect()
    live.counter("events").inc()
    wait_told(listener, "__profile")
    give(listener, lease("__profile", value))
    assert wait_told(listener, "__profile", revision=1)["error"]
    assert told(listener)["__profile"]["value"] == 0


def test_a_profiler_that_cannot_run_says_why(connect, listener, monkeypatch):
    """The knob is at its default, with the reason."""
    live = connect()
    live.counter("events").inc()
    wait_told(listener, "__profile")
    reason = "this Python runs without its lock"
    monkeypatch.setattr(type(SAMPLER), "set_rate", lambda self, owner, hz: reason if hz else None)
    give(listener, lease("__profile", 50))
    entry = wait_told(listener, "__profile", revision=1)
    assert (entry["value"], entry["source"], entry["error"]) == (0, "default", reason)


def test_profiling_pinned_off(connect, listener, monkeypatch):
    """WAGGLE_LIVE_KNOBS=__profile=0: nobody turns it on."""
    monkeypatch.setenv("WAGGLE_LIVE_KNOBS", "__profile=0")
    live = connect()
    live.counter("events").inc()
    wait_told(listener, "__profile", source="pinned")
    give(listener, lease("__profile", 50))
    assert wait_told(listener, "__profile", revision=1)["error"] == "pinned by WAGGLE_LIVE_KNOBS"
