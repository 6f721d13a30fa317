"""``Fleet``: nodes side by side, and none waits for another."""

import threading
import time

import pytest

from waggle_live_controller import (
    Fleet,
    InvalidAddress,
    Node,
    NodeLate,
    NodeNotReady,
    NodeUnreachable,
    Snapshot,
)

from ..leftovers import descriptors, new_descriptors, new_threads
from .conftest import body, http, plugin


def wait_for_polls(fleet):
    """Wait until all polls have ended, whoever waits for their answers."""
    names = ["poll-" + node.url for node in fleet.nodes]
    for thread in threading.enumerate():
        if thread.name in names:
            thread.join(20)
            assert not thread.is_alive()


def test_each_node_is_in_one_of_the_two(servers):
    """Those that answered by their URLs, and the others with the reason."""
    first, second, third = servers(), servers(), servers()
    first.answer = lambda request: http(body(plugin("a")))
    second.answer = lambda request: http(b"starting", "503 Service Unavailable")
    third.close()
    with Fleet([first.url, Node(second.url), third.url]) as fleet:
        snapshots, errors = fleet.poll()
    assert list(snapshots) == [first.url] and list(snapshots[first.url].plugins) == ["a"]
    assert set(errors) == {second.url, third.url}
    assert isinstance(errors[second.url], NodeNotReady)
    assert isinstance(errors[third.url], NodeUnreachable)


def test_nodes_are_asked_at_the_same_time(servers):
    """Ten of them answer only once all ten have been asked."""
    barrier = threading.Barrier(10)
    nodes = [servers() for _ in range(10)]

    def together(request):
        barrier.wait(20)
        return http(body())

    for node in nodes:
        node.answer = together
    snapshots, errors = Fleet([Node(node.url, timeout=20) for node in nodes]).poll(within=20)
    assert (len(snapshots), errors) == (10, {})


def half_polled(servers):
    """Return a quick node, a slow one and what lets it go, their fleet, and a loop over both that
    has the quick one's answer."""
    quick, slow = servers(), servers()
    let_go = threading.Event()

    def wait(request):
        let_go.wait(20)
        return http(body(plugin("late")))

    slow.answer = wait
    fleet = Fleet([Node(slow.url, timeout=20), Node(quick.url, timeout=20)])
    arriving = fleet.poll_each(within=20)
    assert next(arriving).url == quick.url
    return quick, slow, let_go, fleet, arriving


def test_a_slow_node_holds_up_none(servers):
    """What the others say is there before it; it is late, not asked twice, and heard once it is
    there, with its age."""
    _, slow, let_go, fleet, _ = half_polled(servers)
    late = fleet.poll(within=0.2).errors[slow.url]
    assert isinstance(late, NodeLate) and "no answer yet" in str(late)
    let_go.set()
    wait_for_polls(fleet)
    snapshots, errors = fleet.poll(within=20)
    assert (list(snapshots[slow.url].plugins), errors) == (["late"], {})
    assert len(slow.requests) == 1
    fleet.poll(within=20)
    assert len(slow.requests) == 2


def test_an_answer_that_nobody_waited_for_grows_old(servers):
    """After a pause the node is asked anew."""
    node = servers()
    let_go = threading.Event()

    def wait(request):
        let_go.wait(20)
        return http(body())

    node.answer = wait
    fleet = Fleet([Node(node.url, timeout=20)])
    assert list(fleet.poll(within=0.01).errors) == [node.url]
    let_go.set()
    wait_for_polls(fleet)
    time.sleep(0.1)
    fleet.poll(within=0.05)
    wait_for_polls(fleet)
    assert len(node.requests) == 2


def test_who_leaves_early_holds_up_nobody(server):
    """A loop over arrivals may be left in the middle."""
    fleet = Fleet([server.url])
    for polled in fleet.poll_each():
        assert isinstance(polled.outcome, Snapshot)
        break
    del polled
    assert list(fleet.poll().snapshots) == [server.url]


def test_a_poll_within_a_poll_and_beside_it(servers):
    """Nobody waits for another's loop; what is under way serves both."""
    quick, slow, let_go, fleet, arriving = half_polled(servers)
    inner = fleet.poll_each(within=20)
    assert next(inner).url == quick.url
    let_go.set()
    for loop in (inner, arriving):
        assert isinstance(next(loop).outcome, Snapshot)
        assert list(loop) == []
    assert (len(quick.requests), len(slow.requests)) == (2, 1)


def test_an_answer_after_an_early_end_is_kept_for_the_next_poll(servers):
    """Leaving the loop loses no answer, and the node is not polled twice."""
    quick, slow, let_go, fleet, arriving = half_polled(servers)
    arriving.close()
    let_go.set()
    assert set(fleet.poll(within=20).snapshots) == {quick.url, slow.url}
    assert (len(quick.requests), len(slow.requests)) == (2, 1)


def test_a_fault_is_told_and_leaves_nobody_waiting(server, monkeypatch):
    """An unforeseen exception of a poll is that node's error."""
    node = Node(server.url)
    monkeypatch.setattr(node, "poll", lambda: 1 / 0)
    errors = Fleet([node]).poll().errors
    assert "ZeroDivisionError" in str(errors[server.url])


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), MemoryError()])
def test_whatever_ends_a_poll_ends_that_one_alone(server, monkeypatch, error):
    """The node is asked again the next time."""

    def fail():
        raise error

    node = Node(server.url)
    fleet = Fleet([node])
    with monkeypatch.context() as patch:
        patch.setattr(node, "poll", fail)
        assert type(error).__name__ in str(fleet.poll(within=20).errors[server.url])
    assert list(fleet.poll(within=20).snapshots) == [server.url]


def test_a_thread_that_can_not_be_started_is_told_each_time(servers, monkeypatch):
    """And asked again: the fleet and its other nodes go on, and it can be closed."""
    first, second = servers(), servers()
    start = threading.Thread.start

    def refuse(thread):
        if thread.name == "poll-" + first.url:
            raise RuntimeError("can't start new thread")
        start(thread)

    with Fleet([first.url, second.url]) as fleet:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            for _ in range(3):
                snapshots, errors = fleet.poll(within=20)
                assert list(snapshots) == [second.url]
                assert "can't start new thread" in str(errors[first.url])
        assert len(fleet.poll(within=20).snapshots) == 2
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", _refuse)
            fleet.close()


def _refuse(thread):
    raise RuntimeError("can't start new thread")


def test_dead_nodes_leave_nothing_behind(servers, deads):
    """No thread and no descriptor, however often they are asked."""
    gone = servers()
    gone.close()
    (dead,) = deads(1)
    lives = Node(servers().url, timeout=20)
    with Fleet([gone.url, Node("127.0.1.1:%d" % dead[1], timeout=0.02), lives]) as fleet:
        fleet.poll(within=20)
        wait_for_polls(fleet)
        files, threads = descriptors(), threading.enumerate()
        for _ in range(20):
            snapshots, errors = fleet.poll(within=20)
            assert (len(snapshots), len(errors)) == (1, 2)
        wait_for_polls(fleet)
        assert not new_descriptors(files)
        assert not new_threads(threads)


@pytest.mark.parametrize("within", [-1, float("nan"), float("inf"), 1e9, "2", None, True])
def test_within_is_seconds(within):
    """Anything else is an error at the call."""
    for poll in (Fleet([]).poll, Fleet([]).poll_each):
        with pytest.raises(ValueError, match="within"):
            poll(within)


def test_a_node_stands_once():
    """A result by URL couldn't hold two."""
    with pytest.raises(InvalidAddress, match="twice"):
        Fleet(["http://host:9090", "http://host:9090/"])
    with pytest.raises(InvalidAddress, match="twice"):
        Fleet(["host", Node("http://host:9090")])
    assert Fleet([]).poll() == ({}, {})
