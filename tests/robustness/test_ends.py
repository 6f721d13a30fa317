"""However a plugin ends, what it recorded stands at the collector, and it ends in time."""

import signal
import time

import pytest

from .processes import finish, run, scrape_ended, start

pytestmark = pytest.mark.quiet

COUNT = 2000
#: The promise, and what a busy machine may add.
EXIT_DELAY, NOISE = 0.5, 0.5
#: The interval between two sends, and what a busy machine may add.
INTERVAL, LATE = 0.25, 0.25
CODES = {"block": 0, "exit": 3, "exit-unclosed": 3, "exception": 1, "exception-unclosed": 1}


@pytest.mark.parametrize("way", [*CODES, "thread"])
def test_nothing_is_lost_and_the_end_is_in_time(collector, task, way):
    """sys.exit, an exception, the end of main with our thread or the author's running."""
    codes = (CODES.get(way, 0),)
    out = run("ending", way, COUNT, address=collector.address, task=task, codes=codes)
    recorded, ending = map(float, out.split())
    assert ending <= EXIT_DELAY + NOISE
    scrape = scrape_ended(collector, plugin_task=task)
    assert scrape.value("waggle_count_total", plugin_task=task) == recorded
    assert scrape.value("waggle_timer_seconds_count", plugin_task=task) == recorded
    assert scrape.sum("waggle_plugin_exits_total", plugin_task=task) == 1


@pytest.mark.parametrize("way", ["waiting", "waiting-unclosed"])
def test_sigterm_under_waggle_live_run_loses_nothing(collector, task, way):
    """``python -m waggle_live run -- script.py`` sends what is left, and dies of the signal."""
    launcher = ("-m", "waggle_live", "run", "--")
    process = start("ending", way, COUNT, address=collector.address, task=task, launcher=launcher)
    recorded = int(process.stdout.readline())
    begin = time.monotonic()
    process.terminate()
    finish(process, codes=(-signal.SIGTERM,))
    assert time.monotonic() - begin <= EXIT_DELAY + NOISE
    scrape = scrape_ended(collector, plugin_task=task)
    assert scrape.value("waggle_count_total", plugin_task=task) == recorded
    assert scrape.value("waggle_timer_seconds_count", plugin_task=task) == recorded


def test_a_killed_plugin_is_down_within_a_second_and_loses_one_interval_at_most(collector, task):
    """SIGKILL: ``waggle_plugin_up`` falls at once; what was older than an interval is there."""
    for number in range(3):
        own = "%s-%d" % (task, number)
        process = start("ending", "counting", 0, address=collector.address, task=own)
        lines = [process.stdout.readline() for _ in range(350 + 37 * number)]
        assert collector.value("waggle_plugin_up", plugin_task=own) == 1
        process.kill()
        asked = killed_at = time.monotonic()
        while collector.value("waggle_plugin_up", plugin_task=own) == 1:
            assert asked - killed_at < 1.0
            time.sleep(0.02)
            asked = time.monotonic()
        lines += process.communicate()[0].splitlines()
        recorded = [(float(at), int(done)) for at, done in (line.split() for line in lines)]
        ended_at = recorded[-1][0]
        safe = [done for at, done in recorded if at < ended_at - INTERVAL - LATE]
        counted = collector.value("waggle_count_total", plugin_task=own)
        assert safe[-1] <= counted <= recorded[-1][1] + 1
