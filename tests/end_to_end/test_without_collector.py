"""The plugin is never hurt by a collector that is absent, stopped or late."""

import signal
import time

import pytest

from tests.collector.harness import start as start_collector
from tests.collector.harness import wait_until
from tests.end_to_end.workload import expected, finish, recorded, run, start

#: The promise, and what a busy machine may add.
EXIT_DELAY, NOISE = 0.5, 0.5
#: The 99th percentile of an empty timed block; seen are 2 us, whatever the collector does.
BLOCK_P99_US = 20


@pytest.mark.alone
@pytest.mark.parametrize("state", ["absent", "stopped"])
def test_the_plugin_runs_and_ends_without_an_answering_collector(own_collector, state):
    """Exit at most 0.5 s later than without us, hot path unblocked, at most one line of log."""
    if state == "stopped":
        own_collector.signal(signal.SIGSTOP)
        address = own_collector.address
    else:
        address = "unix:///nonexistent/live_metrics.sock"
    try:
        process = start("idle", 1.5, address=address)
        out, err = process.communicate(timeout=60)
    finally:
        if state == "stopped":
            own_collector.signal(signal.SIGCONT)
    assert process.returncode == 0, out + err
    p99_us, blocks, opening, ending = map(float, out.split())
    assert opening + ending <= EXIT_DELAY + NOISE
    assert p99_us < BLOCK_P99_US, "a timed block waited"
    assert blocks > 1000
    assert len(err.splitlines()) <= 1, err


@pytest.mark.alone
def test_a_plugin_whose_end_cannot_be_saved_ends_at_once(tmp_path):
    """It is told so, says it in one line, and waits for nothing."""
    with start_collector(state_file=str(tmp_path / "missing" / "state")) as collector:
        process = start("idle", 0.5, address=collector.address)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, out + err
        opening, ending = map(float, out.split()[2:])
        assert opening + ending <= EXIT_DELAY + NOISE
        assert "(not_saved)" in err
        assert len(err.splitlines()) <= 1, err
        assert collector.value("waggle_count_total", name="finished") == 1
        assert collector.value("waggle_plugin_exits_total", status="ok") == 1


def test_a_stopped_collector_gets_everything_once_it_goes_on(own_collector):
    """What was recorded while the collector was stopped is counted when it is continued."""
    process = start("stamping", 1, address=own_collector.address, stdin=-1)
    wait_until(lambda: own_collector.value("waggle_plugin_up", default=0) == 1)
    own_collector.signal(signal.SIGSTOP)
    time.sleep(2)
    stopped_at = time.monotonic()
    time.sleep(1)
    own_collector.signal(signal.SIGCONT)
    wait_until(lambda: own_collector.value("waggle_value", name="stamp", default=0) > stopped_at)
    assert finish(process) == ""


def test_a_collector_that_comes_later_gets_everything(own_collector):
    """The plugin records before there is a collector; all of it is counted, without any log."""
    own_collector.stop()
    address = own_collector.address
    process = start("many_processes", 2000, "threads", address=address, stdin=-1, linger="yes")
    assert process.stdout.readline() == "recorded\n"
    own_collector.start()
    wait_until(lambda: recorded(own_collector.scrape()) == expected(2000 * 2))
    assert len(finish(process).splitlines()) <= 1


def test_switched_off_nothing_is_sent_or_logged(collector, task):
    """WAGGLE_LIVE_METRICS=off: the plugin runs as ever, silently."""
    assert run("brief", address="off", task=task) == ""
    assert recorded(collector.scrape(), task) == {}
