"""Updates where something of ours fails: it costs what failed, and a line of log."""

import logging
import time

import pytest

from waggle_live.reporter import reporter
from waggle_live.series.counter import CounterState

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
