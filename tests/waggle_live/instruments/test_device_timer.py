"""Timers with a ``sync``, which is called before each reading of the clock."""

import time

import pytest

from waggle_live.wire.errors import InvalidType

from ..helpers import MS, cell, clock, problems


def test_sync_is_called_before_each_reading(live):
    """``sync`` runs at the start and at the end, inside of what is measured."""
    calls = []

    def sync():
        time.sleep(0.02)
        calls.append(clock())

    with live.timer("t", sync=sync):
        assert len(calls) == 1
    assert len(calls) == 2
    found = cell(live, "timer", "t")
    assert 20 * MS <= found["sum"] <= clock() - calls[0]  # the second call's time alone
    span = live.timer("t", sync).start()
    span.stop()
    live.timer("t", sync=sync)(lambda: None)()
    assert len(calls) == 6
    assert cell(live, "timer", "t")["count"] == 3
    with live.timer("t"):
        pass
    assert len(calls) == 6  # never implicit
    assert cell(live, "timer", "t")["count"] == 4


def test_sync_that_raises(live, caplog):
    """An error in ``sync`` never reaches the plugin; it is counted and logged once."""

    def sync():
        raise RuntimeError("no device")

    for _ in range(2):
        with live.timer("t", sync=sync):
            pass
    assert cell(live, "timer", "t")["count"] == 2
    assert problems(live) == {"sync_error": 4}
    assert [r for r in caplog.records if "no device" in r.getMessage()] == caplog.records
    assert len(caplog.records) == 1


def test_sync_whose_error_has_no_text(live):
    """An error in ``sync`` that can't even be told never reaches the plugin either."""

    class Speechless(Exception):
        def __repr__(self):
            raise RuntimeError("no repr")

        __str__ = __repr__

    def sync():
        raise Speechless

    with live.timer("t", sync=sync):
        pass
    assert problems(live) == {"sync_error": 2}


def test_sync_of_wrong_type(live):
    """``sync`` is a function, and the message says so."""
    with pytest.raises(InvalidType, match=r"sync must be a function .* 3"):
        live.timer("t", sync=3)


def test_sync_of_a_generator(live):
    """``sync`` runs at both ends of each resume; the consumer's time is left out."""
    calls = []

    @live.timer("t", sync=lambda: calls.append(None))
    def generator():
        yield 1

    begin = clock()
    for _ in generator():
        assert len(calls) == 2
        time.sleep(0.05)
    whole = clock() - begin
    assert len(calls) == 4
    found = cell(live, "timer", "t")
    assert found["count"] == 1
    assert found["sum"] <= whole - 50 * MS


def test_observe_does_not_synchronize(live):
    """A duration that was measured elsewhere needs no ``sync``."""
    calls = []
    live.timer("t", sync=lambda: calls.append(None)).observe(0.5)
    assert (cell(live, "timer", "t")["sum"], calls) == (500 * MS, [])
