"""Who speaks for a session, over real sockets: counted once, whoever comes back when."""

import multiprocessing
import socket

import pytest

from tests.collector.harness import Client, wait_until


def cells(value):
    """Return one counter and one timer that say ``value``."""
    return [
        {"kind": "counter", "name": "done", "value": value},
        {"kind": "timer", "name": "block", "count": value, "sum": value, "buckets": [[0, value]]},
    ]


def shown(collector, task):
    """Return what is shown of the counter and the timer."""
    scrape = collector.scrape()
    found = scrape.value("waggle_count_total", plugin_task=task)
    assert scrape.value("waggle_timer_seconds_count", plugin_task=task) == found
    return found


def test_old_bytes_after_the_state_of_the_new_connection_count_nothing(collector, task):
    """What stood in the old connection's buffers loses against the newer state."""
    with Client(collector) as old, Client(collector) as new:
        old.hello(session=task[:60], task=task)
        old.update(5, cells(5))
        old.flush()
        assert new.hello(session=task[:60], task=task)["resumed"] is True
        new.update(7, cells(9))
        new.flush()
        try:
            old.update(6, cells(7))
            old.update(8, cells(1000))
            assert old.read() is None
        except ConnectionError:
            pass
        new.flush()
        assert shown(collector, task) == 9
        assert collector.value("waggle_plugin_sessions", plugin_task=task) == 1


def test_bytes_left_behind_by_a_closed_connection_are_counted_once(collector, task):
    """An update, half an update, the end; then the same and more on a new connection."""
    for number in range(1, 30):
        with Client(collector) as client:
            client.hello(session=task[:60], task=task)
            client.update(2 * number, cells(number))
            client.send(b'{"type":"update","number":%d,"cells":[{"kind":' % (2 * number + 1))
    with Client(collector) as client:
        client.hello(session=task[:60], task=task)
        client.update(2 * 30, cells(30))
        client.bye()
    assert shown(collector, task) == 30
    assert collector.scrape().sum("waggle_plugin_exits_total", plugin_task=task) == 1


def test_a_session_is_not_to_be_had_without_its_key(collector, task):
    """The stranger is refused and cut off, the owner goes on; both are said and counted."""
    reason = {"reason": "session_taken"}
    before = collector.scrape().sum("waggle_collector_refusals_total", **reason)
    with Client(collector) as owner, Client(collector) as stranger:
        owner.hello(session=task[:60], task=task)
        owner.update(1, cells(1))
        owner.flush()
        assert stranger.hello(session=task[:60], key="another-key")["code"] == "session_taken"
        assert stranger.read() is None
        owner.update(2, cells(2))
        assert owner.flush() == [{"type": "applied", "number": 0}]
    assert shown(collector, task) == 2
    assert collector.scrape().sum("waggle_collector_refusals_total", **reason) == before + 1


@pytest.mark.parametrize("stays", [True, False], ids=["plugin-stays", "plugin-leaves"])
def test_a_session_that_returns_is_counted_once(make_collector, task, stays):
    """After its end, after the holding time, and after a restart between the two."""
    collector = make_collector(hold_time=1.0)
    others = {"session": "the-other-process", "task": task}
    fork = multiprocessing.get_context("fork")

    def report(number, told, is_seen):
        """Report as a process of its own, which vanishes once that was seen."""
        with Client(collector) as client:
            client.hello(session="comes-and-goes", task=task)
            client.update(number, cells(10 * number))
            client.flush()
            told.set()
            is_seen.wait(60)

    def has_left():
        scrape = collector.scrape()
        if stays:
            return scrape.value("waggle_plugin_exits_total", plugin_task=task, status="lost") >= 1
        return scrape.value("waggle_plugin_up", None, plugin_task=task) is None

    with Client(collector) as other:
        if stays:
            other.hello(**others)
        for number in (1, 2, 3):
            told, is_seen = fork.Event(), fork.Event()
            process = fork.Process(target=report, args=(number, told, is_seen), daemon=True)
            process.start()
            assert told.wait(30)
            assert shown(collector, task) == 10 * number
            is_seen.set()
            process.join()
            assert process.exitcode == 0
        wait_until(has_left)
        if stays:
            assert collector.value("waggle_plugin_up", plugin_task=task) == 1
        collector.kill()
        collector.start(wait_ready=False)
        with Client(collector) as client, Client(collector) as again:
            if stays:
                again.hello(**others)
            client.hello(session="comes-and-goes", task=task)
            client.update(9, cells(100))
            client.flush()
            collector.wait_ready()
            assert shown(collector, task) == 100
            client.bye()
        assert shown(collector, task) == 100


@pytest.mark.quiet
def test_a_connection_that_is_reset_is_down_at_once(collector, task):
    """A peer that goes without a farewell, with a reset and unread answers."""
    client = Client(collector)
    client.hello(session=task[:60], task=task)
    for number in range(1, 100):
        client.send({"type": "flush", "number": number})
    assert collector.value("waggle_plugin_up", plugin_task=task) == 1
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    wait_until(lambda: collector.value("waggle_plugin_up", plugin_task=task) == 0, 1.0)
