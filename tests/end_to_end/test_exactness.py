"""Counts and sums on /metrics are exact, however many threads and processes recorded."""

import pytest

from tests.end_to_end.workload import expected, finish, recorded, run, start, wait_equal

KINDS = ("threads", "fork", "mp-fork", "mp-spawn", "mp-forkserver")
THREADS = 2


@pytest.mark.parametrize("kind", KINDS)
def test_each_way_to_have_several_threads_or_processes_counts_exactly(collector, task, kind):
    """Threads, forked and spawned children: every sample of every form, sums to the nanosecond."""
    run("many_processes", 3000, kind, address=collector.address, task=task)
    wait_equal(lambda: recorded(collector.scrape(), task), expected(3000 * THREADS))


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
        wait_equal(lambda task=task: recorded(collector.scrape(), task), truth)


def test_a_plugin_that_lives_50_ms_is_seen_whole(collector, task):
    """Everything a very short process recorded is there."""
    for _ in range(5):
        run("brief", address=collector.address, task=task)

    def shown():
        scrape = collector.scrape()
        return [
            scrape.value("waggle_count_total", None, name="runs", plugin_task=task),
            scrape.value("waggle_timer_seconds_count", None, name="brief", plugin_task=task),
            scrape.value("waggle_plugin_exits_total", None, status="ok", plugin_task=task),
            scrape.value("waggle_plugin_up", None, plugin_task=task),
        ]

    wait_equal(shown, [5, 5, 5, 0])
