"""One timeout for all of a poll: look-up, addresses, TLS, answer, and other threads' polls."""

import contextlib
import socket
import threading
import time

import pytest

from tests.collector.harness import wait_until
from waggle_live_controller import Node, NodeUnreachable

from ..conftest import NAME, body, http, plugin


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
    node.timeout = 20
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


def test_one_timeout_for_all_of_it(server, name, deads):
    """Dead addresses take it once; one that lives behind them is reached within it."""
    port = int(server.url.rpartition(":")[2])
    name.addresses = [*deads(3), ("127.0.0.1", port)]
    assert Node(NAME, timeout=20).poll().plugins == {}
    name.addresses = deads(20)
    began = time.monotonic()
    with pytest.raises(NodeUnreachable, match="none of its addresses took the connection"):
        Node(NAME, timeout=1).poll()
    assert time.monotonic() - began < 10


def test_an_address_that_is_silent_comes_last_the_next_time(server, servers, name):
    """It takes connections, and nobody knows that it never answers until it hasn't."""
    silent, other = servers(), servers()
    for each in (silent, other):
        each.answer = lambda request: lambda connection: server.over.wait(60)
    urls = [silent.url, other.url, server.url]
    name.addresses = [("127.0.0.1", int(url.rpartition(":")[2])) for url in urls]
    node = Node(NAME, timeout=0.3)

    def answers():
        with contextlib.suppress(NodeUnreachable):
            return node.poll().plugins == {}

    for _ in range(2):
        assert not answers()
    wait_until(answers)  # the third time, unless one of the three had no time left to connect
    node.close()
    node.timeout = 20
    name.addresses = name.addresses[::-1]
    assert node.poll().plugins == {}


def test_a_slow_look_up_is_late(name):
    """It takes no longer than the timeout either."""
    name.wait = name.over.wait
    began = time.monotonic()
    with pytest.raises(NodeUnreachable, match=r"within 0\.2 s: its name is not resolved yet"):
        Node(NAME, timeout=0.2).poll()
    assert time.monotonic() - began < 5


def test_a_silent_handshake_is_late(server):
    """TLS with somebody who says nothing."""
    began = time.monotonic()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1)
        url = "https://127.0.0.1:%d" % listening.getsockname()[1]
        with pytest.raises(NodeUnreachable, match=r"no answer within 1 s$"):
            Node(url, timeout=1).poll()
    assert time.monotonic() - began < 10


def test_waiting_for_a_turn_counts(server):
    """Twenty threads and a silent collector: nobody waits twenty timeouts."""
    server.answer = lambda request: trickle(server, b"")
    node = Node(server.url, timeout=0.5)
    texts, began = [], time.monotonic()

    def poll():
        with pytest.raises(NodeUnreachable) as caught:
            node.poll()
        texts.append(caught.value.text)

    threads = [threading.Thread(target=poll) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began < 5
    assert len(texts) == 20 and all("no answer within 0.5 s" in text for text in texts)
