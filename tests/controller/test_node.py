"""``Node``: one poll is one answer or one error, in time."""

import gzip
import json
import threading
import time

import pytest

from waggle_live_controller import (
    InvalidAddress,
    InvalidCredentials,
    Node,
    NodeAnswerInvalid,
    http_client,
)

from .conftest import body, http, plugin


def test_a_poll_is_a_snapshot(server):
    """With the node, its plugins, and an age that goes on."""
    server.answer = lambda request: http(body(plugin("a")))
    snapshot = Node(server.url + "/").poll()
    assert (snapshot.url, snapshot.node.vsn, list(snapshot.plugins)) == (server.url, "W000", ["a"])
    assert 0 <= snapshot.age < 30
    assert snapshot.age <= snapshot.age


def test_the_connection_is_kept_and_made_anew(server):
    """Polls share one; one that the collector has closed meanwhile costs no poll."""
    with Node(server.url) as node:
        node.poll()
        node.poll()
        assert server.connections == 1
        server.hang_up()
        node.poll()
        assert server.connections == 2
        node.close()
        node.poll()
    assert server.connections == 3


def test_a_last_answer_is_read_whole(server):
    """``Connection: close`` comes before the body."""
    server.answer = lambda request: http(body(plugin("a")), "200 OK", "Connection: close")
    node = Node(server.url)
    assert [list(node.poll().plugins) for _ in range(2)] == [["a"], ["a"]]
    assert server.connections == 2


def test_a_node_that_is_let_go_leaves_nothing_open(server):
    """One line is enough; a warning of an open socket would be an error here."""
    for _ in range(3):
        Node(server.url).poll()
    assert server.connections == 3


def test_paths_users_and_compression(server):
    """Below a path, with a user, and packed where it is offered."""
    server.answer = lambda request: http(
        gzip.compress(body(plugin("a"))), "200 OK", "Content-Encoding: gzip"
    )
    node = Node(server.url + "/nodes/W000/", username="alice", password="s\u00e9cret", timeout=1.5)
    assert list(node.poll().plugins) == ["a"]
    request = server.requests[0]
    assert request.startswith("GET /nodes/W000/api/v1/plugins HTTP/1.1\r\n")
    assert "\r\nAuthorization: Basic YWxpY2U6c8OpY3JldA==\r\n" in request + "\r\n"
    assert "\r\nX-Prometheus-Scrape-Timeout-Seconds: 1.5" in request
    assert "s\u00e9cret" not in repr(node)


def test_an_answer_out_of_a_cache_is_old(server):
    """By the header Age, or because the collector's clock stands still; so nothing is decided by
    it twice."""
    node = Node(server.url)
    server.answer = lambda request: http(body(now=7.0, window=10), "200 OK", "Age: 30")
    snapshot = node.poll()
    assert (snapshot.now, snapshot.window) == (7.0, 10)
    assert 30 <= snapshot.age < 60
    server.answer = lambda request: http(body(now=8.0))
    first = node.poll()
    time.sleep(0.05)
    second = node.poll()
    assert second.received == first.received and second.age >= 0.05
    assert node.poll(window=2).received > first.received  # another answer
    server.answer = lambda request: http(body(now=9.0))
    assert node.poll().received > first.received
    assert "Cache-Control: no-cache" in server.requests[0]


@pytest.mark.parametrize("age", ["x", "-1", "1e9", "9" * 400, "", "\u0663"])
def test_an_age_that_is_none_is_no_age(server, age):
    """Whoever writes such a header says nothing by it."""
    head = ("Age: " + age).encode("utf-8").decode("latin-1")
    answer = http(body()).replace(b"\r\n\r\n", b"\r\n" + head.encode("latin-1") + b"\r\n\r\n", 1)
    server.answer = lambda request: answer
    assert Node(server.url).poll().age < 30


@pytest.mark.parametrize("packed", [False, True])
def test_an_endless_answer_is_refused(server, monkeypatch, packed):
    """Nobody fills the controller's memory, packed or not."""
    monkeypatch.setattr(http_client, "MAX_BYTES", 1000)
    said = b" " * 2000
    headers = ["Content-Encoding: gzip"] if packed else []
    server.answer = lambda request: http(
        gzip.compress(said) if packed else said, "200 OK", *headers
    )
    with pytest.raises(NodeAnswerInvalid, match="too long"):
        Node(server.url).poll()


@pytest.mark.parametrize("value", [b"[],", b"{},", b"0.5,", b"[["])
def test_an_answer_of_too_many_values_is_refused(server, value):
    """A few packed kilobytes would else be gigabytes of lists, and seconds without a thread."""
    said = gzip.compress(value * (20_000_000 // len(value)), 1)
    server.answer = lambda request: http(said, "200 OK", "Content-Encoding: gzip")
    with pytest.raises(NodeAnswerInvalid, match="too long"):
        Node(server.url, timeout=20).poll()


def test_threads_take_turns(server):
    """Several threads may share a node and its connection."""
    node = Node(server.url)
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(node.poll())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(seen), server.connections) == (8, 1)


@pytest.mark.parametrize(
    "options",
    [
        {"username": "a"},
        {"password": "b"},
        {"username": "a:b", "password": "c"},
        {"ca_file": "/none.crt"},
        {"cert_file": "/none.crt"},
        {"key_file": "/none.key"},
    ],
)
def test_credentials_that_are_none(options):
    """A file that isn't there or half of a pair is an error before anything is sent."""
    with pytest.raises(InvalidCredentials):
        Node("https://host", **options)


def test_certificates_without_tls_are_an_error():
    """Who gives a certificate wants it to be used."""
    with pytest.raises(InvalidCredentials, match="https"):
        Node("http://host", ca_file="/any")


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), 1e9, True, "1"])
def test_a_timeout_is_more_than_nothing(timeout):
    """Else no answer could ever be in time."""
    with pytest.raises(InvalidAddress, match="timeout"):
        Node("http://host", timeout=timeout)


def test_a_window_goes_along(server):
    """In whole seconds, 1 to 10; another one is an error at the call."""
    node = Node(server.url)
    node.poll(window=2)
    assert server.requests[0].startswith("GET /api/v1/plugins?window=2 HTTP/1.1\r\n")
    for window in (0, 11, 2.0, True):
        with pytest.raises(ValueError, match="1 to 10"):
            node.poll(window=window)


def knobs_body(**fields):
    """Return the JSON text of a knob of the type int."""
    knob = {"plugin": "p", "plugin_task": "t", "plugin_job": "", "name": "n", "type": "int"}
    knob.update({"default": 720, "low": 360, "high": 1080, "value": 720, "source": "default"})
    return json.dumps({"now": 7, "control": "on", "knobs": [{**knob, **fields}]}).encode("utf-8")


def test_a_knob_has_the_values_of_its_processes(server):
    """Where they differ all of them, else the one; a bound of whole numbers stays one."""
    server.answer = lambda request: http(knobs_body())
    (knob,) = Node(server.url).knobs().knobs
    assert (knob.value, knob.values, type(knob.low)) == (720, (720,), int)
    server.answer = lambda request: http(knobs_body(values=[720, 480]))
    knobs = Node(server.url).knobs()
    assert (knobs.knobs[0].values, knobs.now) == ((720, 480), 7.0)


@pytest.mark.parametrize(
    "content",
    [
        *(b"[]", b"{", b'{"control":"on","knobs":[{}]}', b"\xff", b"[" * 100_000),
        knobs_body(value=[1]),
        knobs_body(settle="1"),
        knobs_body(low=True),
        knobs_body().replace(b"720", b"1" + b"0" * 400),
        knobs_body().replace(b"720", b"NaN"),
        knobs_body().replace(b"720", b"1e999"),
    ],
    ids=range(11),  # some are long
)
def test_knobs_that_are_none(server, content):
    """An answer of something else is an error of the node."""
    server.answer = lambda request: http(content)
    with pytest.raises(NodeAnswerInvalid):
        Node(server.url).knobs()
