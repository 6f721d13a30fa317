"""The closed loop: a value that is set reaches the plugin, and goes when nobody stands for it."""

import signal
import time

import pytest

from tests.collector.harness import wait_until
from tests.end_to_end.loop_processes import CHOICES, DEFAULT, LATE, TTL, Loop

#: Seconds beside a bound that a busy machine may take to notice: to write a frame, to be scheduled.
SLACK = 0.3


@pytest.fixture
def loop(tmp_path):
    """A collector and a plugin at its default."""
    with Loop(tmp_path) as running:
        running.start_collector()
        running.plugin.start()
        wait_until(running.value)
        wait_until(running.knows_knob)
        yield running


def hold(loop, value=320, *, ttl=TTL):
    """Hold a value until the plugin uses it; return when that was asked for, and the ETag."""
    asked = time.monotonic()
    status, etag, answer = loop.put("tests", value, ttl=ttl)
    assert (status, answer["entries"][0]["status"]) == (201, "pending")
    wait_until(lambda: loop.value() == value)
    return asked, etag


def back(loop, since):
    """Return when the plugin used its default again."""
    wait_until(lambda: loop.trace(since) and loop.value() == DEFAULT)
    return next(frame.at for frame in reversed(loop.trace(since)) if frame.value != DEFAULT)


@pytest.mark.quiet
def test_a_value_is_there_within_half_a_second(loop):
    """From the request to the frame that is made with it; the median is bench/control's."""
    asked, _ = hold(loop)
    first = next(frame.at for frame in loop.trace(asked) if frame.value == 320)
    assert first - asked < 0.5 + SLACK


@pytest.mark.quiet
def test_a_holder_that_is_gone_leaves_the_default(loop):
    """Its lease ends, and the plugin is back within half a second."""
    asked, _ = hold(loop)
    assert TTL - LATE < back(loop, asked) - asked < TTL + LATE + SLACK


@pytest.mark.quiet
def test_a_collector_that_is_gone_for_good_leaves_the_default(loop):
    """The plugin counts the lease by itself, whether it finds a collector or not."""
    asked, _ = hold(loop)
    loop.collector.kill()
    assert back(loop, asked) - asked < TTL + LATE + SLACK


@pytest.mark.quiet
def test_a_collector_that_restarts_changes_nothing(loop):
    """The value stays over a kill, and the holder goes on with the ETag that it has."""
    asked, etag = hold(loop, ttl=20.0)  # a start takes seconds where the machine is busy
    loop.collector.kill()
    loop.start_collector()
    status, again, _ = loop.put("tests", 320, etag=etag)
    assert (status, again) == (200, etag)
    time.sleep(1.0)
    after = [frame for frame in loop.trace(asked) if frame.at > loop.collector.lived[-1][0]]
    assert {frame.value for frame in after} == {320}


@pytest.mark.quiet
def test_a_plugin_that_restarts_gets_what_is_left(loop):
    """Not more: the end of the lease is the same."""
    asked, _ = hold(loop)
    loop.plugin.process.send_signal(signal.SIGINT)  # stopped, which is no fault of the value
    loop.plugin.process.wait(30)
    loop.plugin.start()
    pid = loop.plugin.process.pid
    wait_until(lambda: any(frame.pid == pid and frame.value == 320 for frame in loop.trace(asked)))
    assert back(loop, asked) - asked < TTL + LATE + SLACK


def test_a_value_that_ends_the_plugin_is_tried_twice(tmp_path):
    """The third time it is refused, and the plugin runs at its default."""
    with Loop(tmp_path, crashes_at=160) as loop:
        loop.start_collector()
        loop.plugin.start()
        wait_until(loop.value)
        wait_until(loop.knows_knob)
        etag, restarts, statuses = None, 0, []
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and ("quarantined" not in statuses or restarts < 2):
            _, etag, answer = loop.put("tests", 160, ttl=10, etag=etag)
            statuses.append(answer["entries"][0]["status"])
            if not loop.plugin.alive:
                loop.plugin.start()
                restarts += 1
            time.sleep(0.1)
        assert statuses[-1] == "quarantined", loop.collector_process.log()
        assert restarts == 2
        since = time.monotonic()
        wait_until(lambda: len(loop.trace(since)) > 20)
        assert {frame.value for frame in loop.trace(since)} == {DEFAULT}
        assert {frame.value for frame in loop.trace()} <= set(CHOICES)


@pytest.mark.quiet
def test_a_controller_takes_the_next_value_when_one_is_quarantined(tmp_path):
    """It waits while the value is held back, and doesn't judge it by the default's frames."""
    with Loop(tmp_path, crashes_at=320) as loop:
        loop.load(0.8)  # 640 takes 24 ms: of 36 the controller would pass over 320
        loop.start_collector()
        loop.plugin.start()
        loop.controller.start()
        restarts = 0
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and (loop.quarantined() != {320} or loop.value() != 160):
            if not loop.plugin.alive:
                loop.plugin.start()
                restarts += 1
            time.sleep(0.1)
        assert loop.value() == 160, (loop.directory / "controller.log").read_text()
        assert loop.quarantined() == {320}
        assert restarts == 2
