"""Answers that are none: whose they are, and what they mean."""

import gzip
import socket

import pytest

from waggle_live_controller import (
    ControllerError,
    Node,
    NodeAnswerInvalid,
    NodeError,
    NodeNotReady,
    NodeRefused,
    NodeUnreachable,
)

from ..conftest import http


@pytest.mark.parametrize(
    ("status", "said", "error", "text"),
    [
        ("503 Service Unavailable", b"waiting for 2 plugins\n", NodeNotReady, "waiting for 2"),
        ("503 Service Unavailable", b"", NodeNotReady, "not ready"),
        ("401 Unauthorized", b"", NodeRefused, "password"),
        ("403 Forbidden", b"", NodeRefused, "password"),
        ("404 Not Found", b"", NodeAnswerInvalid, "404"),
        ("302 Found", b"", NodeAnswerInvalid, "302"),
        ("200 OK", b"<html>", NodeAnswerInvalid, "isn't that of a collector"),
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


PAGE = b"<html>Bad Gateway</html>"
NGINX, ENVOY = "Server: nginx", "Server: envoy"


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (http(PAGE, "502 Bad Gateway"), NodeUnreachable, "answers 502$"),
        (http(b"", "502 Bad Gateway"), NodeUnreachable, "answers 502$"),
        (http(PAGE, "522 <none>"), NodeUnreachable, "answers 522$"),
        (http(PAGE, "504 Gateway Time-out", NGINX), NodeUnreachable, "answers 504$"),
        (http(PAGE, "503 X"), NodeNotReady, "answers 503$"),
        (http(b"no healthy upstream", "503 X", ENVOY), NodeNotReady, "answers 503: no healthy"),
        (http(b"Service Unavailable\n", "503 X"), NodeNotReady, "answers 503"),
    ],
)
def test_a_proxy_is_told_from_a_collector(server, answer, error, text):
    """Whoever answers 502 is none; a 503 is a proxy's unless it reads as a collector's."""
    server.answer = lambda request: answer
    with pytest.raises(error, match="the proxy in front of it " + text):
        Node(server.url).poll()


@pytest.mark.parametrize(
    ("status", "headers", "error", "text"),
    [
        ("503 X", ["Server: waggle-live-collector"], NodeNotReady, r": what it said$"),
        ("500 X", ["Server: waggle-live-collector"], NodeNotReady, "a fault: what it said"),
        ("403 X", [], NodeRefused, "answers 403: what it said$"),
        ("301 X", ["Location: https://h/x"], NodeAnswerInvalid, "redirect to https://h/x"),
    ],
)
def test_what_a_collector_says(server, status, headers, error, text):
    """Its own faults are its own; where a redirect leads is told and not followed."""
    server.answer = lambda request: http(b"what it said", status, *headers)
    with pytest.raises(error, match=text):
        Node(server.url).poll()


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
