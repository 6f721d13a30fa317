"""Counts and sums on /metrics are exact, however many threads and processes recorded."""

import pytest

from tests.end_to_end.workload import expected, finish, recorded, run, start

KINDS = ("threads", "fork", "mp-fork", "mp-spawn", "mp-forkserver")
THREADS = 2


@pytest.mark.parametrize("kind", KINDS)
def test_each_way_to_have_several_threads_or_processes_counts_exactly(collector, task, kind):
    """Threads, forked and spawned children: every sample of every form, sums to the nanosecond."""
    run("many_processes", 3000, kind, address=collector.address, task=task)
    assert recorded(collector.scrape(), task) == expected(3000 * THREADS)


def test_two_plugins_at_once_with_all_of_it_count_exactly_and_apart(collector):
    """Two plugins, each in threads and four kinds of children at once."""
    plugins = [
        start("many_processes", 2000 + number, *KINDS, address=collector.address, task=task)
        for number, task in enumerate(("left", "right"))
    ]
    for plugin in plugins:
        finish(plugin)
    for number, task in enumerate(("left", "right")):
        truth = expected((2000 + number) * THREADS * len(KINDS))
        assert recorded(collector.scrape(), task) == truth


def test_a_plugin_that_lives_50_ms_is_seen_whole(collector, task):
    """Everything a very short process recorded is there when it has ended."""
    for _ in range(5):
        run("brief", address=collector.address, task=task)
    scrape = collector.scrape()
    assert scrape.value("waggle_count_total", name="runs", plugin_task=task) == 5
    assert scrape.value("waggle_timer_seconds_count", name="brief", plugin_task=task) == 5
    assert scrape.value("waggle_plugin_exits_total", status="ok", plugin_task=task) == 5
    assert scrape.value("waggle_plugin_up", plugin_task=task) == 0
