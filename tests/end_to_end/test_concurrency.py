"""Counts and sums are exact however a program does several things at once."""

import pytest

from tests.end_to_end.workload import run, wait_equal
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
    wanted = {
        ("waggle_count_total", "name", "done"): 300,
        ("waggle_count_total", "name", "weight"): sum(range(300)),
        ("waggle_rate_events_total", "name", "ticks"): 300,
        ("waggle_plugin_exits_total", "status", "ok"): 1,
        ("waggle_plugin_exits_total", "status", "error"): 0,
        ("waggle_plugin_exits_total", "status", "lost"): 0,
    }
    for name in ("block", "decorated"):
        wanted["waggle_timer_seconds_count", "name", name] = 300
        wanted["waggle_timer_seconds_sum", "name", name] = pytest.approx(300 * STEP_NS / 1e9)
    if waiting is not None:
        wanted["waggle_timer_seconds_count", "name", "waiting"] = waiting

    def shown():
        scrape = collector.scrape()
        return {
            (family, label, value): scrape.value(family, None, plugin_task=task, **{label: value})
            for family, label, value in wanted
        }

    wait_equal(shown, wanted)
