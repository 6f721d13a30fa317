"""A real collector whose state file's disk is frozen: nothing but the state stops."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from .harness import Client, start, wait_until
from .state.frozen import PROGRAM, frozen_disk
from .world import counter

PATHS = ("/metrics", "/metrics?live=0", "/api/v1/plugins", "/-/healthy", "/-/ready")
LATE = "waggle_collector_state_late_total"


@pytest.fixture()
def collector():
    with start(program=PROGRAM) as process:
        yield process


@pytest.fixture()
def client(collector):
    """A process that is known and in the file."""
    with Client(collector) as one:
        one.hello()
        one.update(1, [counter("a", 1)])
        one.flush()
        assert collector.value("waggle_count_total", name="a") == 1
        yield one


def test_everything_is_answered_and_what_was_not_written_is_made_good(collector, client):
    """Updates go in, answers come late by what they wait at most; a line says so, twice."""
    with frozen_disk(collector):
        for number in range(2, 5):
            client.update(number, [counter("a", number)])
            client.flush()
            with ThreadPoolExecutor(len(PATHS)) as pool:
                answers = list(pool.map(collector.get, PATHS))
            assert [status for status, _, _ in answers] == [200] * len(PATHS)
            assert collector.value("waggle_count_total", name="a") == number
        assert collector.value(LATE) >= 3
        wait_until(lambda: "has not been written for" in collector.log())
        assert client.hello()["code"] == "bad_message"  # the others are heard
    wait_until(lambda: "is written again" in collector.log())
    assert collector.value("waggle_count_total", name="a") == 4
    # The second one tells whether the first was late: if it wasn't, all of it is in the file.
    wait_until(lambda: collector.value(LATE) == collector.value(LATE))
    collector.kill()
    collector.start()
    assert collector.value("waggle_count_total", name="a") == 4


def test_a_bye_waits_for_the_disk_and_takes_nothing_else_with_it(collector, client):
    """It is told that it isn't saved when that takes too long, and its connection is closed."""
    with frozen_disk(collector), Client(collector) as other:
        other.hello("session-2")
        refused, end = other.bye()
        assert (refused["code"], end) == ("not_saved", None)
        client.update(2, [counter("a", 2)])
        client.flush()
        assert collector.value("waggle_count_total", name="a") == 2
    assert client.bye()[-1]["type"] == "applied"


def test_it_ends_on_sigterm_and_says_what_is_not_saved(collector, client):
    """In seconds, with status 0; the file is the one from before."""
    with frozen_disk(collector):
        client.update(2, [counter("a", 2)])
        client.flush()
        collector.get("/metrics")
        assert collector.terminate() == 0
        assert "could not be saved" in collector.log()
        assert "Traceback" not in collector.log()
    collector.start()
    assert collector.value("waggle_count_total", name="a") == 1


def test_the_last_state_is_written_before_the_end_with_those_who_are_connected(collector, client):
    """They are awaited by the next one."""
    begin = time.monotonic()
    client.update(2, [counter("a", 2)])
    client.flush()
    collector.signal(signal.SIGTERM)
    assert collector.process.wait(30) == 0
    collector.start(wait_ready=False)
    assert "awaited=1" in collector.log()
    with Client(collector) as again:
        assert again.hello()["resumed"] is True
        again.flush()
        returned = collector.get("/-/ready")[0] == 200
        assert returned or time.monotonic() - begin > 2
    collector.wait_ready()
    assert collector.value("waggle_count_total", name="a") == 2
