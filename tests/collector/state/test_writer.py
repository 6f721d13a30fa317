"""The thread that writes a file."""

import os
import stat
import threading

import pytest

from waggle_live_collector.state.owned_file import OwnedFile
from waggle_live_collector.state.writer import Writer

from ...leftovers import new_threads
from ..harness import wait_until
from .frozen import frozen


@pytest.fixture()
def writers():
    """Return what returns the writers' threads that this test started."""
    before = threading.enumerate()
    return lambda: [thread for thread in new_threads(before) if thread.name == "state"]


@pytest.fixture()
def path(tmp_path):
    return tmp_path / "state"


def put(writer, number, text):
    """Hand a text over; return what is set once its outcome is there."""
    told = threading.Event()
    writer.put(number, text, told.set)
    return told


def test_a_text_replaces_the_file_whole(path, writers):
    """For the owner's eyes alone; then no thread is left."""
    writer = Writer(OwnedFile(str(path)))
    for number in range(3):
        assert put(writer, number, b"text %d" % number).wait(30)
        assert writer.wait(30)
        assert path.read_bytes() == b"text %d" % number
        outcome = writer.outcomes.popleft()
        assert (outcome.number, outcome.error) == (number, None)
        assert outcome.seconds > 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["state"]
    wait_until(lambda: not writers())


def test_only_the_newest_of_those_that_wait_is_written(path, writers):
    """While the disk is frozen each text takes the place of the one before; nobody is held up."""
    writer = Writer(OwnedFile(str(path)))
    with frozen() as waits:
        told = [put(writer, 0, b"0")]
        assert waits.wait(30)
        told += [put(writer, number, b"%d" % number) for number in range(1, 5)]
        assert not writer.wait(0.05)
        assert not writer.outcomes
        assert len(writers()) == 1
    assert writer.wait(30)
    assert path.read_bytes() == b"4"
    assert [outcome.number for outcome in writer.outcomes] == [0, 4]
    assert [event.is_set() for event in told] == [True, False, False, False, True]


@pytest.mark.parametrize("name", ["missing/state", "with a \0/state"])
def test_an_error_is_an_outcome_and_the_next_text_is_tried(tmp_path, name):
    """Whether it is the disk's or one that nobody thought of."""
    writer = Writer(OwnedFile(str(tmp_path / name)))
    for number in range(2):
        assert put(writer, number, b"text").wait(30)
        assert writer.wait(30)
        assert writer.outcomes.popleft().error is not None


def test_where_no_thread_can_be_started_that_is_the_outcome(path):
    """The caller hears of it as of any other error, and may try again."""
    writer = Writer(OwnedFile(str(path)))
    before = threading.stack_size(1 << 46)  # more than any machine has
    try:
        assert put(writer, 1, b"text").is_set()
    finally:
        threading.stack_size(before)
    assert isinstance(writer.outcomes.popleft().error, RuntimeError)
    assert put(writer, 2, b"text").wait(30)
    assert writer.wait(30)
    assert path.read_bytes() == b"text"


def test_a_thread_that_ends_by_a_fault_is_followed_by_another(path, writers, monkeypatch):
    """The next text is written, and the fault is not silent."""
    seen = []
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append(args.exc_type))
    writer = Writer(OwnedFile(str(path)))
    writer.put(1, b"one", lambda: 1 / 0)
    assert writer.wait(30)
    wait_until(lambda: not writers())
    assert seen == [ZeroDivisionError]
    assert put(writer, 2, b"two").wait(30)
    assert writer.wait(30)
    assert path.read_bytes() == b"two"


def test_no_memory_for_a_text_is_an_outcome(path, monkeypatch):
    """As any other error."""
    file = OwnedFile(str(path))
    writer = Writer(file)
    monkeypatch.setattr(file, "replace", lambda pieces: bytearray(1 << 62))
    assert put(writer, 1, b"text").wait(30)
    assert isinstance(writer.outcomes.popleft().error, MemoryError)
