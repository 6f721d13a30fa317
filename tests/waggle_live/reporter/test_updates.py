"""Updates: where something of ours fails it costs what failed, and a line of log."""

import logging
import time

import pytest

from waggle_live.live import INSTRUMENTS
from waggle_live.logs import LogOnce
from waggle_live.reporter import reporter
from waggle_live.reporter.identity import find_identity
from waggle_live.reporter.session import Session
from waggle_live.reporter.updates import Updates
from waggle_live.series.counter import CounterState
from waggle_live.series.registry import Registry
from waggle_live.wire.refusal import encode_refused

from ..helpers import until

pytestmark = pytest.mark.oldest_and_newest


def break_series(monkeypatch, method):
    """Make a method of the series "bad" raise."""
    original = getattr(CounterState, method)

    def broken(state, *args):
        if state.name == "bad":
            raise KeyError("cells")
        return original(state, *args)

    monkeypatch.setattr(CounterState, method, broken)


@pytest.mark.parametrize("method", ["take", "_fields", "_cell"])
def test_a_series_that_fails_costs_itself(listener, connect, caplog, monkeypatch, method):
    """Its neighbours are sent, on the same connection, and the log names it once."""
    break_series(monkeypatch, method)
    live = connect()
    for total in range(1, 4):
        for name in ("a", "bad", "z"):
            live.counter(name).inc()
        assert live.flush(5)
        assert listener.total("counter", "a") == listener.total("counter", "z") == total
    live.close(timeout=5)
    time.sleep(0.1)
    assert len(listener.messages("bye")) == 1
    assert len(listener.connections) == 1  # what can't be sent begins no other session
    first = logging.Formatter().format(caplog.records[0])
    assert "counter 'bad' can't be sent" in first
    assert "Traceback" in first and "KeyError: 'cells'" in first
    assert len(caplog.records) <= 2  # the end takes its last cell elsewhere


def test_a_cell_that_is_no_text_costs_itself(listener, connect, caplog, monkeypatch):
    """It is left out of its update."""
    live = connect()
    monkeypatch.setattr(
        CounterState,
        "_fields",
        lambda state, value: '"value":%d' % value if state.name != "bad" else None,
    )
    for name in ("a", "bad", "z"):
        live.counter(name).inc()
    assert live.flush(5)
    assert listener.total("counter", "a") == listener.total("counter", "z") == 1
    assert len(caplog.records) == 1


def test_a_fold_that_fails_without_a_collector_costs_itself(listener, connect, caplog, monkeypatch):
    """The other series are folded while there is nobody to send to."""
    listener.stop()
    live = connect()
    break_series(monkeypatch, "fold")
    for name in ("bad", "z"):
        live.counter(name).inc()
    (state,) = [each for each in live._registry.states() if each.name == "z"]
    until(lambda: not state.values)
    assert len(caplog.records) == 1


def test_figures_that_fail_cost_themselves(listener, connect, caplog, monkeypatch):
    """CPU and memory are left out; the series are sent, and the end is said."""

    def fail(self, teller):
        raise ZeroDivisionError

    monkeypatch.setattr(reporter.Figures, "read", fail)
    live = connect()
    live.counter("c").inc()
    assert live.flush(5)
    assert listener.total("counter", "c") == 1
    live.close(timeout=5)
    assert len(listener.messages("bye")) == 1
    assert len(caplog.records) == 1


def test_what_is_made_while_a_refusal_is_seen_to_is_added_up_too():
    """A series that is made between two looks at all of them is in the cell of the overflow."""
    registry = Registry(INSTRUMENTS)
    made = []

    def states():
        found = registry.states()
        if registry.state_of("counter", "refused", ()).into is not None and len(made) < 3:
            made.append(registry.get("counter", "late%d" % len(made), {}))
            made[-1].inc(5)
        return found

    session = Session(find_identity("p", None, None, None, {}))
    updates = Updates(states=states, session=session, usage=None, log_once=LogOnce())
    registry.get("counter", "refused", {}).inc(1)
    updates.take(True)
    assert updates.refuse(encode_refused("counter", "refused", {}))
    sent = b"".join(b"".join(updates.take(False)[0]) for _ in range(4))
    assert len(made) == 3
    assert b"late" not in sent
    assert b'"value":16' in sent
