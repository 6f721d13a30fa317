"""Errors of our own: counted each time, logged with a traceback once a minute and kind."""

import logging

from waggle_live_collector.clock import Clock
from waggle_live_collector.faults import Faults
from waggle_live_collector.own_metrics import OwnMetrics


def test_each_kind_is_logged_once_a_minute_and_counted_each_time(caplog):
    """Two kinds, many times: two tracebacks, and another one of each after a minute."""
    now = [100.0]
    own = OwnMetrics()
    faults = Faults(own=own, clock=Clock(monotonic=lambda: now[0]))

    def fail_often():
        for _ in range(5):
            with faults.kept("intake", "a line can't be read"):
                raise KeyError("one")
            with faults.kept("intake", "a line can't be read"):
                raise KeyError("another place")

    with caplog.at_level(logging.ERROR):
        fail_often()
        assert len(caplog.records) == 2
        assert all(record.exc_info for record in caplog.records)
        now[0] += 61
        fail_often()
        assert len(caplog.records) == 4
    samples = {"where": "intake"}
    assert own.registry.get_sample_value("waggle_collector_errors_total", samples) == 20
