"""Plugins and collectors that are killed or stopped: how the end is told, when, and how often."""

import contextlib
import signal
import time

import pytest

from tests.collector.harness import start as start_collector
from tests.collector.harness import wait_until
from tests.end_to_end.workload import run, start

#: What a busy machine may add to a promise in seconds.
NOISE = 2.0


@contextlib.contextmanager
def plugin(collector, task):
    """Run a plugin that counts until it is killed, from when it has arrived."""
    process = start("shapes", "until-killed", address=collector.address, task=task)
    try:
        assert process.stdout.readline() == "here\n", process.stderr.read()
        yield process
    finally:
        process.kill()
        process.communicate()


def ends(collector, task):
    """Return how often what ended how; all four stand there, at 0 before it was."""
    found = collector.scrape().all("waggle_plugin_exits_total", plugin_task=task)
    assert {labels["status"] for labels, _ in found} == {"ok", "error", "stopped", "lost"}
    return {labels["status"]: value for labels, value in found if value}


def state(collector, task):
    """Return the word for what a plugin is."""
    (found,) = [each for each in collector.plugins() if each["plugin_task"] == task]
    return found["state"]


@pytest.mark.quiet
def test_a_killed_plugin_is_down_at_once_and_lost_soon(collector, task):
    """SIGKILL: up is 0 within a second, lost is counted within two, once and no more."""
    with plugin(collector, task) as process:
        assert (ends(collector, task), state(collector, task)) == ({}, "up")
        begin = time.monotonic()
        process.kill()
        wait_until(lambda: not collector.value("waggle_plugin_up", plugin_task=task), 1 + NOISE)
        wait_until(lambda: ends(collector, task) == {"lost": 1}, 2 + NOISE)
        assert time.monotonic() - begin < 2 + NOISE
        assert state(collector, task) == "ended"
    time.sleep(1.5)
    assert ends(collector, task) == {"lost": 1}


@pytest.mark.quiet
def test_a_stopped_plugin_is_silent_and_comes_back(collector, task):
    """SIGSTOP: silent within 5 s; up again after SIGCONT, and no end of anything."""
    with plugin(collector, task) as process:
        process.send_signal(signal.SIGSTOP)
        wait_until(lambda: state(collector, task) == "silent", 5 + NOISE)
        assert collector.value("waggle_plugin_silent_seconds", plugin_task=task) > 3
        process.send_signal(signal.SIGCONT)
        wait_until(lambda: state(collector, task) == "up", 1 + NOISE)
        assert collector.value("waggle_plugin_silent_seconds", plugin_task=task) == 0
        assert ends(collector, task) == {}


@pytest.mark.quiet
def test_a_plugin_that_is_gone_before_it_was_accepted_is_lost_soon(own_collector, task):
    """It connected to a collector that was busy just then, and was killed."""
    own_collector.signal(signal.SIGSTOP)
    process = start("shapes", "unanswered", address=own_collector.address, task=task)
    assert process.stdout.readline() == "here\n"
    process.kill()
    process.communicate()
    own_collector.signal(signal.SIGCONT)
    wait_until(lambda: own_collector.scrape().all("waggle_plugin_exits_total", plugin_task=task))
    wait_until(lambda: ends(own_collector, task) == {"lost": 1}, 2 + NOISE)


@pytest.mark.parametrize("kills", [1, 3])
def test_a_killed_collector_loses_and_doubles_no_end(task, kills):
    """One plugin ends before, one while it is down, one after; each is counted once."""
    with start_collector(state_file=True, hold_time=2) as collector:
        run("shapes", "never", address=collector.address, task=task)
        with plugin(collector, task) as lasting, plugin(collector, task) as dying:
            wait_until(lambda: ends(collector, task) == {"ok": 1})  # and in the state file, too
            for number in range(kills):
                collector.kill()
                if number == 0:
                    dying.kill()
                    dying.wait()
                collector.start()
            wait_until(lambda: ends(collector, task) == {"ok": 1, "lost": 1})
            wait_until(lambda: state(collector, task) == "up")
            assert collector.value("waggle_plugin_up", plugin_task=task) == 1
            lasting.kill()
            wait_until(lambda: ends(collector, task) == {"ok": 1, "lost": 2})
        collector.kill()
        collector.start()
        assert ends(collector, task) == {"ok": 1, "lost": 2}
