"""Counts and sums are exact however a program does several things at once."""

import pytest

from tests.end_to_end.workload import run
from tests.end_to_end.workloads.known_clock import STEP_NS
from tests.programs import needs

#: The package that each kind needs, and how many blocks others ran within.
KINDS = {
    "gevent": ("gevent", 300),
    "gevent-late": ("gevent", 300),
    "eventlet": ("eventlet", 300),
    "eventlet-late": ("eventlet", 300),
    "trio": ("trio", 200),
    "asyncio": ("asyncio", 200),
    "uvloop": ("uvloop", 200),
    "joblib-loky": ("joblib", None),
    "joblib-threading": ("joblib", None),
    "executor-fork": ("concurrent", None),
    "executor-spawn": ("concurrent", None),
    "executor-forkserver": ("concurrent", None),
}


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_runs_side_by_side_is_counted_exactly(collector, task, kind):
    """Greenlets, tasks, threads and processes: each count and sum, one end, no word."""
    package, waiting = KINDS[kind]
    needs(package)
    err = run("concurrency", kind, address=collector.address, task=task, pythonwarnings="ignore")
    assert err == ""
    scrape = collector.scrape()

    def value(family, name):
        return scrape.value(family, name=name, plugin_task=task)

    assert value("waggle_count_total", "done") == 300
    assert value("waggle_count_total", "weight") == sum(range(300))
    assert value("waggle_rate_events_total", "ticks") == 300
    for name in ("block", "decorated"):
        assert value("waggle_timer_seconds_count", name) == 300
        assert value("waggle_timer_seconds_sum", name) == pytest.approx(300 * STEP_NS / 1e9)
    if waiting is not None:
        assert value("waggle_timer_seconds_count", "waiting") == waiting
    assert scrape.value("waggle_plugin_exits_total", plugin_task=task, status="ok") == 1
    assert scrape.value("waggle_plugin_exits_total", plugin_task=task, status="error") == 0
    assert scrape.value("waggle_plugin_exits_total", plugin_task=task, status="lost") == 0
