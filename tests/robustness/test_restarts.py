"""Processes that come and go by the thousand leave no more behind than their sums."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.collector.harness import wait_until

from .processes import MIB, descriptors, on_core, resident, run, threads
from .short_life import live_once

CUMULATIVE = ("_total", "_count", "_sum", "_bucket")
#: Scrapes are compared by the CPU time of the cheapest of several.
FLAT = 2.0
#: All of the processes are threads of this one, which may connect more often here.
PACE = "Limits(process_pace=(10_000, 10_000.0))"


def samples(scrape):
    """Return the plugins' samples of a scrape: their names and labels, and values."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in scrape
        for sample in family.samples
        if sample.name.startswith("waggle_") and not sample.name.startswith("waggle_collector_")
    }


def test_500_restarts_under_new_pod_uids_make_no_new_series(make_collector):
    """But for the pod's uid in waggle_plugin_info, of which there stays one; counters rise."""
    collector = make_collector(limits=PACE)
    path, identity = collector.socket_path, {"plugin": "cron", "task": "hourly"}

    def restart(number):
        uid = "pod-%d" % number
        live_once(path, "restart-%06d" % number, app_id=uid, plugin_version=uid, **identity)

    def names(found):
        return {key for key in found if key[0] != "waggle_plugin_info"}

    restart(0)
    first = before = samples(collector.scrape())
    for start in range(1, 500, 50):
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(restart, range(start, min(start + 50, 500))))
        now = samples(collector.scrape())
        assert names(now) == names(first)
        assert len([key for key in now if key[0] == "waggle_plugin_info"]) == 1
        for key, value in now.items():
            if key[0].endswith(CUMULATIVE):
                assert value >= before[key], key
        before = now
    scrape = collector.scrape()
    assert scrape.value("waggle_count_total", plugin="cron") == 500
    assert scrape.value("waggle_timer_seconds_count", plugin="cron") == 500
    assert scrape.value("waggle_plugin_exits_total", plugin="cron", status="ok") == 500


def cheapest_scrapes(*collectors):
    """Return the CPU seconds of the cheapest of many scrapes of each, in turn, over a second."""
    took = []
    for _ in range(30):
        for collector in collectors:
            begin = on_core(collector.process.pid)
            assert collector.get("/metrics")[0] == 200
            time.sleep(0.02)  # the kernel adds it up when the collector waits again
            took.append(on_core(collector.process.pid) - begin)
    return [min(took[number :: len(collectors)]) for number in range(len(collectors))]


def live_by_threads(collector, first, end):
    """Let so many sessions live, and say ``bye``."""

    def live(number):
        live_once(collector.socket_path, "short-%06d" % number, plugin="short")

    with ThreadPoolExecutor(40) as pool:
        list(pool.map(live, range(first, end)))


def live_as_processes(collector, first, end):
    """Let so many processes live, and die without a word."""
    run("short_lived", collector.socket_path, first, end, address=collector.address)


@pytest.mark.alone
@pytest.mark.parametrize(
    ("live", "few", "settled", "number"),
    [(live_by_threads, 1, 7_500, 10_000), (live_as_processes, 1_200, 1_500, 2_500)],
    ids=["with-bye", "without-a-word"],
)
def test_thousands_of_short_processes_leave_scrapes_as_fast_and_memory_bounded(
    make_collector, live, few, settled, number
):
    """Ended sessions are folded; those that left without a word are held as far as there is room.

    ``few`` of them are looked at by each scrape for as long as the others are. ``settled``: what
    is remembered is full by then, so the memory stays.
    """
    # The machine may be twice as slow a few seconds later: what is compared is scraped in turn.
    collector, other = make_collector(limits=PACE), make_collector(limits=PACE)
    pid = collector.process.pid
    live(other, 0, few)
    live(collector, 0, settled)
    memory = resident(pid)
    open_before, running = descriptors(pid), threads(pid)
    live(collector, settled, number)
    after_many, after_few = cheapest_scrapes(collector, other)
    assert after_many < FLAT * after_few
    assert resident(pid) < memory + 10 * MIB
    scrape = collector.scrape()
    assert scrape.value("waggle_count_total", plugin="short") == number
    held = scrape.sum("waggle_collector_budget_bytes")
    assert held < scrape.value("waggle_collector_budget_limit_bytes")
    wait_until(lambda: descriptors(pid) <= open_before + 2 and threads(pid) <= running)
