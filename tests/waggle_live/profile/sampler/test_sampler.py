"""The life of the sampler, within this process."""

import pickle
import sys
import threading

import pytest

from waggle_live.native import Native
from waggle_live.profile.sampler.sampler import SAMPLER
from waggle_live.wire.protocol import OTHER_FUNCTIONS

from ....leftovers import new_threads
from ...helpers import spin, taken, until
from .plugins import functions


class Owner:
    """Stands in for a reporter, which has a session already."""

    def start(self):
        """Begin a session."""


@pytest.fixture
def owner():
    """Someone to sample for, who ends it."""
    made = Owner()
    yield made
    SAMPLER.set_rate(made, 0)


def total(owner):
    """Return the wall time that all states of an owner have come to so far."""
    return sum(taken(state)["exclusive"] for state in SAMPLER.states(owner))


def test_it_starts_changes_and_stops(owner):
    """States begin with the first rate and stay after the last; nothing is counted when it is 0."""
    assert SAMPLER.states(owner) == []
    assert SAMPLER.set_rate(owner, 1) is None
    assert SAMPLER.set_rate(owner, 200) is None  # at once, not after the second
    until(lambda: total(owner) > 0)
    sampling = SAMPLER._run
    assert SAMPLER.set_rate(owner, 0) is None
    assert sampling._ended.wait(30)  # which the call itself does for 0.2 s at most
    before = total(owner)
    spin(0.1)
    assert total(owner) == before > 0
    assert SAMPLER.set_rate(owner, 200) is None
    until(lambda: total(owner) > before)


def test_one_owner_at_a_time(owner):
    """A second reporter of the process is told why it isn't sampled, and ends nobody's."""
    other = Owner()
    assert SAMPLER.set_rate(owner, 100) is None
    assert "another plugin" in SAMPLER.set_rate(other, 100)
    assert SAMPLER.set_rate(other, 0) is None
    until(lambda: total(owner) > 0)
    SAMPLER.set_rate(owner, 0)
    assert SAMPLER.set_rate(other, 100) is None
    assert SAMPLER.set_rate(other, 0) is None


def test_without_the_interpreters_lock_there_is_none(owner, monkeypatch):
    """Frames of other threads must not be read there; what is said names it."""
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    assert "without its lock" in SAMPLER.set_rate(owner, 50)


def test_no_thread_can_be_started(owner, monkeypatch):
    """That is what is answered; nothing is raised."""

    def fail(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Native, "_start_new_thread", fail)
    assert SAMPLER.set_rate(owner, 50) == "no thread can be started: can't start new thread"


def test_it_is_pickled_as_the_one_of_the_process():
    """There is one, whatever is copied."""
    assert pickle.loads(pickle.dumps(SAMPLER)) is SAMPLER


def test_stacks_are_collected_while_they_are_asked_for(owner):
    """Each collection begins empty; its times rise; folded from the root to the callee."""
    SAMPLER.set_rate(owner, 200)
    SAMPLER.collect(owner, True)

    def mine():
        spin(0.02)
        found = SAMPLER.stacks(owner)
        return [stack for stack in found if "mine [" in stack and found[stack][0] > 0]

    stack = until(mine)[0]
    names = [name.partition(" ")[0] for name in stack.split(";")]
    assert names.index("mine") < names.index("spin") == len(names) - 1
    SAMPLER.collect(owner, True)
    assert stack not in SAMPLER.stacks(owner)
    SAMPLER.collect(owner, False)
    assert SAMPLER.stacks(owner) == {}


def test_collecting_without_a_rate_is_empty(owner):
    """Nothing is sampled for having been asked for."""
    assert SAMPLER.stacks(owner) == {}
    SAMPLER.collect(owner, False)
    SAMPLER.collect(owner, True)
    assert SAMPLER.stacks(owner) == {}


def test_it_is_no_thread_of_the_plugins(owner):
    """``threading.enumerate`` and what joins all threads don't see it."""
    before = threading.enumerate()
    SAMPLER.set_rate(owner, 50)
    assert not new_threads(before)


def test_the_session_begins_and_ends_it(listener, connect):
    """LiveMetrics(profile=) samples from the session's beginning on, and no longer than it."""
    live = connect(profile=200)
    assert listener.wait_for(lambda heard: spin(0.02) or "spin" in functions(heard))
    live.close(timeout=30)
    before = functions(listener)
    spin(0.1)
    assert functions(listener) == before
    live.open()  # the next session starts at zero
    assert listener.wait_for(
        lambda heard: spin(0.02) or "spin" in functions(heard, heard.sessions[-1])
    )
    live.close(timeout=30)
    last = functions(listener, listener.sessions[-1])["spin"]
    assert last["exclusive"] < functions(listener)["spin"]["exclusive"]


def test_a_collector_that_restarts_sees_no_counter_fall(listener, connect):
    """Every cell is sent again, with what it came to."""
    live = connect(profile=200)
    assert listener.wait_for(lambda heard: spin(0.05) or "spin" in functions(heard))
    before = functions(listener)["spin"]["exclusive"]
    listener.hang_up()
    assert listener.wait_for(
        lambda heard: spin(0.05) or functions(heard)["spin"]["exclusive"] > before
    )
    live.close()


def test_without_room_they_count_elsewhere(listener, connect):
    """A function that a full collector refuses is added up in the others', and does no harm."""
    listener.room = 2
    live = connect(profile=200)
    assert listener.wait_for(lambda heard: spin(0.1) or functions(heard))
    live.counter("n").inc()
    assert live.flush(5)
    live.close()


def test_a_function_of_no_name_counts_with_the_others(owner):
    """The interpreter's own machinery of imports has no line of its own."""
    SAMPLER.set_rate(owner, 200)
    text = "import time\nend = time.time() + 0.02\nwhile time.time() < end: pass"
    code = compile(text, "<frozen x>", "exec")

    def found():
        exec(code, {})
        return {state.name for state in SAMPLER.states(owner)}

    until(lambda: OTHER_FUNCTIONS in found())
    names = found()
    assert not [name for name in names if "frozen" in name]


def test_the_end_of_a_session_without_a_profile_waits_for_no_lock(owner):
    """Not while another thread has the sampler's: under eventlet that lock is of greenlets."""
    ended = []
    with SAMPLER._lock:
        ending = threading.Thread(target=lambda: ended.append(SAMPLER.set_rate(owner, 0)))
        ending.start()
        ending.join(10)
        assert ended == [None]
    ending.join()
