"""``Node``: one poll is one answer or one error, in time."""

import gzip
import socket
import threading
import time

import pytest

from waggle_live_controller import (
    ControllerError,
    InvalidAddress,
    InvalidCredentials,
    Node,
    NodeAnswerInvalid,
    NodeError,
    NodeNotReady,
    NodeRefused,
    NodeUnreachable,
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


@pytest.mark.parametrize(
    ("status", "said", "error", "text"),
    [
        ("503 Service Unavailable", b"waiting for 2 plugins\n", NodeNotReady, "waiting for 2"),
        ("503 Service Unavailable", b"", NodeNotReady, "not ready"),
        ("401 Unauthorized", b"", NodeRefused, "password"),
        ("403 Forbidden", b"", NodeRefused, "password"),
        ("404 Not Found", b"", NodeAnswerInvalid, "404"),
        ("302 Found", b"", NodeAnswerInvalid, "302"),
        ("200 OK", b"<html>", NodeAnswerInvalid, "none of a collector"),
    ],
)
def test_other_answers_are_errors(server, status, said, error, text):
    """Each is a NodeError of its own that names the node and what to do."""
    server.answer = lambda request: http(said, status, "Location: /elsewhere")
    with pytest.raises(error) as caught:
        Node(server.url).poll()
    assert text in str(caught.value) and server.url in str(caught.value)
    assert caught.value.url == server.url
    assert isinstance(caught.value, ControllerError) and isinstance(caught.value, NodeError)
    assert len(server.requests) == 1


def trickle(server, first):
    """Return an answer that never ends, a byte at a time."""

    def send(connection):
        connection.sendall(first)
        while not server.over.wait(0.02):
            connection.sendall(b"x")

    return send


@pytest.mark.parametrize(
    "first",
    [b"", b"HTTP/1.1 200 OK\r\nX-A: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n"],
)
def test_a_slow_answer_is_no_answer(server, first):
    """However it is slow, the poll ends in time, and the next one begins afresh."""
    server.answer = lambda request: trickle(server, first)
    node = Node(server.url, timeout=0.3)
    begin = time.monotonic()
    with pytest.raises(NodeUnreachable, match=r"no answer within 0\.3 s"):
        node.poll()
    assert 0.25 < time.monotonic() - begin < 5
    server.answer = lambda request: http(body(plugin("a")))
    assert list(node.poll().plugins) == ["a"]


def test_nobody_there_is_unreachable():
    """No listener, no such name, no answer at all."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can
        url = "http://127.0.0.1:%d" % taken.getsockname()[1]
        with pytest.raises(NodeUnreachable, match="refused"):
            Node(url).poll()
    with pytest.raises(NodeUnreachable, match="resolved"):
        Node("http://no-such-host.invalid:9090").poll()


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (b"", NodeUnreachable, "without an answer"),
        (b"SSH-2.0-x\r\n", NodeAnswerInvalid, "HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", NodeUnreachable, "broke off"),
        (http(b"no gzip", "200 OK", "Content-Encoding: gzip"), NodeAnswerInvalid, "HTTP"),
        (
            http(gzip.compress(b"{}")[:-4], "200 OK", "Content-Encoding: gzip"),
            NodeUnreachable,
            "broke off",
        ),
    ],
    ids=["nothing", "ssh", "half", "no-gzip", "half-gzip"],  # gzip's bytes hold the time
)
def test_answers_that_break_off(server, answer, error, text):
    """What is not whole is not taken for the whole."""

    def send(connection):
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_RDWR)

    server.answer = lambda request: send
    with pytest.raises(error, match=text):
        Node(server.url).poll()


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


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
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


@pytest.mark.parametrize("content", [b"[]", b"{", b'{"control":"on","knobs":[{}]}', b"\xff"])
def test_knobs_that_are_none(server, content):
    """An answer of something else is an error of the node."""
    server.answer = lambda request: http(content)
    with pytest.raises(NodeAnswerInvalid):
        Node(server.url).knobs()
