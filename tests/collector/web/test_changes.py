"""``/api/v1/changes`` over HTTP: how a page goes on from answer to answer."""

import contextlib
import gzip
import json
import signal
import socket
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import pytest

from ..harness import Client, start
from ..patience import AWAITS
from ..world import gauge

PAGES = 20


@pytest.fixture(scope="module")
def collector():
    with start() as running, Client(running) as client:
        client.hello()
        client.update(1, [gauge("a", 1)])
        client.flush()
        yield running


def ask(collector, position=""):
    """Return the headers and what the answer says."""
    headers = {"Accept-Encoding": "gzip"}
    status, headers, body = collector.get("/api/v1/changes?since=" + position, headers)
    assert (status, headers["Content-Type"]) == (200, "application/json")
    return headers, json.loads(gzip.decompress(body))


def test_a_page_goes_on_from_its_answer_before(collector):
    """All of it first, or where the position is none; then what has changed."""
    _, first = ask(collector)
    assert first["whole"] and first["plugins"][0]["head"]["plugin"] == "plugin"
    _, second = ask(collector, first["position"])
    assert not second["whole"]
    assert "new" not in second["plugins"][0]
    for position in ("nonsense", "%00", "0-0", first["position"] + "0" * 5000):
        assert ask(collector, position)[1]["whole"]


def test_a_page_is_told_what_it_is_and_when_to_ask(collector):
    """By headers; nobody keeps an answer."""
    headers, _ = ask(collector)
    build = headers["Waggle-Live-Page"]
    assert f'<meta name="build" content="{build}">'.encode() in collector.get("/")[2]
    assert 0 < float(headers["Waggle-Live-Next"]) < 5
    assert headers["Cache-Control"] == "no-store"
    assert headers["Vary"] == "Accept-Encoding"


def test_pages_that_ask_at_the_same_moment_share_an_answer(collector):
    """Whoever began when: after two moments all are at the same position."""
    positions = {ask(collector)[1]["position"] for _ in range(PAGES)}
    assert len(positions) == PAGES
    with ThreadPoolExecutor(PAGES) as pool:
        for _ in range(3):
            told = list(pool.map(lambda each: ask(collector, each)[1], sorted(positions)))
            positions = {each["position"] for each in told}
    assert len(positions) < PAGES / 2


def test_many_positions_make_no_more_answers_than_one():
    """Forty clients that ask from forty positions at once: scrapes don't wait for forty answers."""
    with start() as collector, Client(collector) as client, contextlib.ExitStack() as stack:
        client.hello()
        client.update(1, [gauge(f"g{number}", 1) for number in range(900)])
        client.flush()
        life, newest = [ask(collector) for _ in range(2 * PAGES)][-1][1]["position"].split("-")
        address = urllib.parse.urlsplit(collector.url)
        socks = [
            stack.enter_context(socket.create_connection((address.hostname, address.port), 10))
            for _ in range(2 * PAGES)
        ]
        collector.signal(signal.SIGSTOP)  # so that they are there at once
        for position, sock in zip(range(2 * PAGES, 0, -1), socks):
            path = f"/api/v1/changes?since={life}-{position}"
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        collector.signal(signal.SIGCONT)
        for sock in socks:
            with sock.makefile("rb") as file:
                assert b'"whole":false' in file.read()
        assert int(ask(collector)[1]["position"].split("-")[1]) - int(newest) < PAGES / 2


def test_it_says_when_it_is_not_ready():
    """With the reason, as all of the API does."""
    with start(wait_ready=False, state_file=False, program=AWAITS) as collector:
        for path in ("/api/v1/changes", "/api/v1/history"):
            status, _, body = collector.get(path)
            assert (status, body[:11]) == (503, b"started jus")
