"""``Leases`` and ``Node.knobs`` against a real collector and a real plugin."""

import contextlib
import os
import threading
import time

import pytest

from tests.collector.harness import start
from tests.programs import free_port
from waggle_live import LiveMetrics
from waggle_live_controller import (
    ControlRefused,
    Entry,
    InvalidCredentials,
    LeaseConflict,
    Leases,
    Node,
    NodeIdentity,
    NodeUnreachable,
    PluginIdentity,
    Plugins,
    Snapshot,
)

from .conftest import http

TOKEN = "a-token-of-the-tests"
IDENTITY = PluginIdentity("example", "detect", "")


def eventually(condition, seconds=20.0):
    """Wait until something holds; fails if it doesn't in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.02)


@pytest.fixture
def collector(tmp_path):
    """A collector that takes orders; it runs on Python 3.11 and later."""
    if "WAGGLE_LIVE_TEST_COLLECTOR" not in os.environ:
        pytest.importorskip("waggle_live_collector")
    path = tmp_path / "token"
    path.write_text(TOKEN, encoding="utf-8")
    path.chmod(0o600)
    # A port that it can have again after a restart.
    port = "--web.listen-address=127.0.0.1:%d" % free_port()
    with start(flags=["--control.token-file=%s" % path, port]) as made:
        yield made


@pytest.fixture
def knob(collector):
    """The knob of a plugin in this process."""
    live = LiveMetrics(address=collector.address, plugin_name="example", task="detect")
    with live:
        made = live.knob("resolution", default=1080, choices=[360, 720, 1080], cost=[1, 4, 9])
        live.flush()
        node = Node(collector.url)
        eventually(lambda: "resolution" in node.knobs().of(IDENTITY))
        yield made
        live.close()


@pytest.fixture
def node(collector):
    with Node(collector.url, control_token=TOKEN) as made:
        yield made


def test_a_knob_is_held_and_let_go(knob, node):
    """The plugin reads the value while it is held, and its default as soon as it isn't."""
    with Leases(node, "test") as leases:
        leases.hold([Entry(IDENTITY, "resolution", 360)], by=node.poll())
        eventually(lambda: knob.value == 360)
        assert leases.wait(10) and leases.error is None
        eventually(lambda: node.knobs().of(IDENTITY)["resolution"].value == 360)
        told = node.knobs().of(IDENTITY)["resolution"]
        assert (told.default, told.source, told.holder) == (1080, "set", "test")
        assert told.choices == (360, 720, 1080) and told.cost == (1, 4, 9)
        leases.hold([], by=node.poll())
        eventually(lambda: knob.value == 1080)
        leases.hold([Entry(IDENTITY, "resolution", 720)], by=node.poll())
        eventually(lambda: knob.value == 720)
    eventually(lambda: knob.value == 1080)


def test_each_entry_has_its_answer(knob, node):
    """What is refused is told with the collector's rule, and costs the others nothing."""
    with Leases(node, "test") as leases:
        will = [Entry(IDENTITY, "resolution", 361), Entry(IDENTITY, "none", 1)]
        leases.hold(will, by=node.poll())
        assert leases.wait(10)
        assert [each.status for each in leases.held] == ["refused", "refused"]
        assert "361" in leases.held[0].rule and leases.held[0].entry == will[0]
        leases.hold([Entry(IDENTITY, "resolution", 360)], by=node.poll())
        assert leases.wait(10) and leases.held[0].status in ("pending", "applied")
        eventually(lambda: knob.value == 360)
        with Leases(node, "other") as others:
            others.hold([Entry(IDENTITY, "resolution", 720)], by=node.poll())
            assert others.wait(10)
            assert (others.held[0].status, others.held[0].rule) == ("held_by", "test holds it")
        with Leases(node, "people", priority=9) as people:
            people.hold([Entry(IDENTITY, "resolution", 720)], by=node.poll())
            eventually(lambda: knob.value == 720)
        eventually(lambda: knob.value == 360)


def test_a_forked_child_releases_nothing(knob, node):
    """Though it leaves the block; the leases are its parent's."""
    with Leases(node, "test") as leases:
        leases.hold([Entry(IDENTITY, "resolution", 360)], by=node.poll())
        assert leases.wait(10)
        child = os.fork()
        if child == 0:
            try:
                leases.release()
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert node.knobs().of(IDENTITY)["resolution"].holder == "test"


@pytest.mark.quiet
def test_only_a_decision_on_newer_numbers_renews(knob, node):
    """A program that goes on with old numbers, or hangs, loses its leases after their time."""
    with Leases(node, "test", ttl=3.0) as leases:
        will = [Entry(IDENTITY, "resolution", 360)]
        leases.hold(will, by=node.poll())
        eventually(lambda: knob.value == 360)
        end = time.monotonic() + 4  # a second longer than a lease
        while time.monotonic() < end:
            time.sleep(0.1)
            leases.hold(will, by=node.poll())
            assert knob.value == 360
        old = node.poll()

        def is_over():
            leases.hold(will, by=old)
            return knob.value == 1080

        eventually(is_over)
        leases.hold(will, by=node.poll())
        eventually(lambda: knob.value == 360)


def test_a_second_copy_is_told(knob, node):
    """Two programs of one name don't overwrite each other in turn."""
    with Leases(node, "test") as leases, Leases(node, "test") as copy:
        leases.hold([Entry(IDENTITY, "resolution", 360)], by=node.poll())
        assert leases.wait(10)
        copy.hold([Entry(IDENTITY, "resolution", 720)], by=node.poll())
        eventually(lambda: isinstance(copy.error, LeaseConflict))
        assert "test" in str(copy.error) and leases.error is None
        eventually(lambda: knob.value == 360)


@pytest.mark.parametrize("token", [None, "wrong"])
def test_who_has_no_token_changes_nothing(collector, knob, token):
    """And is told why, in the collector's words."""
    with Node(collector.url, control_token=token) as node, Leases(node, "test") as leases:
        leases.hold([Entry(IDENTITY, "resolution", 360)], by=node.poll())
        eventually(lambda: leases.error is not None)
        assert isinstance(leases.error, ControlRefused) and "token" in str(leases.error)
        assert knob.value == 1080


def test_leases_last_over_a_restart_of_the_collector(collector, knob, node):
    """Within its time nothing changes, and the same leases are renewed when it is back."""
    with Leases(node, "test", ttl=30.0) as leases:
        leases.hold([Entry(IDENTITY, "resolution", 360)], by=node.poll())
        eventually(lambda: knob.value == 360)
        collector.kill()
        leases.hold([Entry(IDENTITY, "resolution", 720)], by=_newer())
        eventually(lambda: isinstance(leases.error, NodeUnreachable))
        assert knob.value == 360
        collector.start()

        def decided() -> bool:  # again and again, as a controller does
            leases.hold([Entry(IDENTITY, "resolution", 720)], by=_newer())
            return bool(knob.value == 720)

        eventually(decided)
        assert leases.wait(10)


def _newer():
    class Newer:
        received = time.monotonic()
        age = 0.0

    return Newer()


def test_bad_arguments_are_errors_at_the_call():
    """With what would be right; a token is never in the message."""
    node = Node("http://127.0.0.1:9")
    for arguments, rule in (
        ({"holder": "No Good"}, "a-z"),
        ({"holder": "x", "ttl": 1}, "2 to 60"),
        ({"holder": "x", "ttl": float("nan")}, "2 to 60"),
        ({"holder": "x", "priority": 10}, "0 to 9"),
    ):
        with pytest.raises(ValueError, match=rule):
            Leases(node, **arguments)
    with pytest.raises(ValueError, match=r"Node\(url"):
        Leases("http://127.0.0.1:9", "x")
    with pytest.raises(InvalidCredentials) as caught:
        Node("http://127.0.0.1:9", control_token="se cret")
    assert "se cret" not in str(caught.value)


def test_it_ends_where_nobody_answers():
    """Leaving the block takes no longer than the node's timeout, and leaves no thread."""
    with contextlib.closing(Node("http://127.0.0.1:9", timeout=0.5)) as node:
        with Leases(node, "test") as leases:
            leases.hold([Entry(IDENTITY, "resolution", 360)], by=_newer())
            eventually(lambda: leases.error is not None)
    assert not [t for t in threading.enumerate() if t.name.startswith("leases-")]


def test_a_thread_that_can_not_be_started_is_no_end(server, monkeypatch):
    """The error is told, and the next decision tries again."""
    server.answer = lambda request: http(b'{"entries":[]}', "200 OK", 'ETag: "x"')
    node = Node(server.url, control_token=TOKEN)
    leases = Leases(node, "controller")
    snapshot = Snapshot(node.url, NodeIdentity("", ""), Plugins([]), time.monotonic())

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        leases.hold([], by=snapshot)
        assert "can't start new thread" in str(leases.error)
    leases.hold([], by=snapshot._replace(received=time.monotonic()))
    assert leases.wait(20)
    assert leases.error is None
    leases.release()


def test_a_proxy_that_reaches_no_collector_is_told(server):
    """It says nothing of the will."""
    server.answer = lambda request: http(b"<html>", "502 Bad Gateway")
    node = Node(server.url, control_token=TOKEN)
    with Leases(node, "controller") as leases:
        entry = Entry(IDENTITY, "resolution", 720)
        snapshot = Snapshot(node.url, NodeIdentity("", ""), Plugins([]), time.monotonic())
        leases.hold([entry], by=snapshot)
        eventually(lambda: leases.error is not None)
        assert "the proxy in front of it answers 502" in str(leases.error)
