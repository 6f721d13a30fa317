"""Looking up a name: no longer than the deadline, and once at a time."""

import socket
import threading
import time

import pytest

from waggle_live_controller.connection.resolver import Resolver

from ...leftovers import new_threads
from ..conftest import NAME


def test_addresses_are_not_looked_up(name):
    """They are what they are, without a thread."""
    before = threading.enumerate()
    found = Resolver("127.0.0.1", 9090).addresses(0.0)
    assert [each[4] for each in found] == [("127.0.0.1", 9090)]
    assert Resolver("::1", 9090).addresses(0.0)[0][4][:2] == ("::1", 9090)
    assert not new_threads(before)


def test_a_slow_look_up_is_late_and_goes_on(name):
    """It is not begun a second time, and its answer serves the next call."""
    name.wait, name.addresses = name.over.wait, [("127.0.0.1", 1)]
    resolver = Resolver(NAME, 1)
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(socket.timeout, match="not resolved yet"):
            resolver.addresses(time.monotonic() + 0.05)
    assert time.monotonic() - began < 5
    name.over.set()
    assert len(resolver.addresses(time.monotonic() + 20)) == 1
    assert name.looked_up == 1
    resolver.addresses(time.monotonic() + 20)
    assert name.looked_up == 2


@pytest.mark.parametrize(
    "error", [socket.gaierror(-2, "no"), socket.timeout("x"), UnicodeError("x"), SystemExit()]
)
def test_whatever_a_look_up_raises_is_told_once(name, error):
    """It is an OSError, and the next call looks again."""

    def fail():
        raise error

    name.wait = fail
    resolver = Resolver(NAME, 1)
    with pytest.raises(OSError, match=r"no|x|SystemExit"):
        resolver.addresses(time.monotonic() + 20)
    name.wait, name.addresses = (lambda: None), [("127.0.0.1", 1)]
    assert len(resolver.addresses(time.monotonic() + 20)) == 1


def test_without_a_thread_it_is_an_error(name, monkeypatch):
    """``can't start new thread`` is one of this look-up, not of the next."""

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    resolver = Resolver(NAME, 1)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(OSError, match="can't start new thread"):
            resolver.addresses(time.monotonic() + 20)
    name.addresses = [("127.0.0.1", 1)]
    assert len(resolver.addresses(time.monotonic() + 20)) == 1
