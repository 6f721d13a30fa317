"""HTTP, as scrapers and people ask."""

import gzip
import http.client
import json
import re
import socket

import pytest

from ..harness import Client, Scrape, start, wait_until
from ..world import counter, timer

PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)

#: A collector that can make neither JSON nor text, but OpenMetrics.
WITHOUT = """
from waggle_live_collector.__main__ import main
from waggle_live_collector.exposition.json import Api
from waggle_live_collector.exposition.text import TEXT
Api.plugins = TEXT.own = None
main()
"""


@pytest.fixture(scope="module")
def collector():
    with start(flags=["--web.telemetry-path=/m/etrics"]) as running, Client(running) as client:
        client.hello(plugin="plugin")
        cells = [timer(f"t{number}", {0: number}, number) for number in range(50)]
        client.update(1, [*cells, counter("a", 1)])
        client.flush()
        yield running


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain;version=0.0.4", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/html", "text/plain; version=0.0.4; charset=utf-8"),
        (
            "application/openmetrics-text",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
        (PROMETHEUS_3, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
    ],
)
def test_the_format_is_negotiated(collector, accept, content_type):
    """Text unless OpenMetrics is asked for."""
    headers = {"Accept": accept} if accept else {}
    status, answered, body = collector.get("/m/etrics", headers)
    assert (status, answered["Content-Type"]) == (200, content_type)
    assert body.endswith(b"# EOF\n") == ("openmetrics" in content_type)
    assert b'waggle_count_total{name="a",' in body


def test_gzip_is_used_when_accepted(collector):
    """The same text, a fraction of the bytes; small answers and large ones."""
    for path in ("/m/etrics", "/api/v1/plugins"):
        _, plain_headers, plain = collector.get(path)
        assert plain_headers["Content-Encoding"] is None
        _, headers, packed = collector.get(path, {"Accept-Encoding": "br, gzip;q=0.5"})
        assert headers["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in headers["Vary"]
        assert len(packed) < len(plain) / 4
        unpacked = gzip.decompress(packed)
        if path == "/m/etrics":
            assert Scrape(unpacked.decode()).value("waggle_count_total", name="a") == 1
        else:
            assert json.loads(unpacked)["plugins"][0]["plugin"] == "plugin"


def test_head_answers_without_a_body(collector):
    """With the status and type of the whole."""
    connection = http.client.HTTPConnection(collector.url.rpartition("/")[2], timeout=30)
    for path in ("/m/etrics", "/", "/-/healthy", "/-/ready", "/api/v1/plugins"):
        connection.request("HEAD", path)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
    connection.close()


def test_the_page_links_what_there_is(collector):
    """Somebody who comes with a browser finds the metrics."""
    status, headers, body = collector.get("/")
    assert status == 200
    assert headers["Content-Type"].startswith("text/html")
    for path in ("m/etrics", "api/v1/plugins", "-/ready"):
        assert f'href="{path}"'.encode() in body


def test_the_window_of_the_json_is_a_parameter(collector):
    """1 to 10 s; of a repeated one the last counts; the rule is in the answer to anything else."""
    for query in ("window=1", "window=2", "window=10", "window=x&window=3", "other=1"):
        status, headers, body = collector.get("/api/v1/plugins?" + query)
        assert (status, headers["Content-Type"]) == (200, "application/json")
        assert json.loads(body)["plugins"][0]["plugin"] == "plugin"
    for value in (
        "0",
        "11",
        "-1",
        "2.0",
        "1.5",
        "",
        "x",
        "02",
        "%202",
        "%D9%A3",
        "1e0",
        "nan",
        "9" * 9,
    ):
        status, _, body = collector.get("/api/v1/plugins?window=" + value)
        assert status == 400
        assert b"the parameter window is a whole number from 1 to 10, not" in body


def test_other_paths_and_methods_are_refused(collector):
    """With the status that says so."""
    assert collector.get("/metrics")[0] == 404
    assert collector.get("/..%2f..%2fetc/passwd")[0] == 404
    connection = http.client.HTTPConnection(collector.url.rpartition("/")[2], timeout=30)
    connection.request("POST", "/m/etrics", body=b"x")
    assert connection.getresponse().status == 405
    connection.close()


def test_what_cannot_be_made_leaves_a_trace():
    """The answer says so; it is counted each time, and logged once a minute with its traceback."""
    openmetrics = {"Accept": "application/openmetrics-text"}

    def errors(collector):
        text = collector.get("/metrics", openmetrics)[2].decode()
        return float(re.search(r'errors_total{where="http"} (.+)', text).group(1))

    with start(program=WITHOUT) as collector, Client(collector) as client:
        client.hello()
        assert collector.get("/-/ready")[0] == 200
        for turn in (1, 2):
            status, _, body = collector.get("/api/v1/plugins")
            assert (status, body) == (500, b"the collector has a fault; see its log\n")
            assert errors(collector) == turn
        assert collector.get("/-/ready")[0] == 200
        assert collector.get("/metrics")[0] == 500
        status, _, body = collector.get("/-/ready")
        assert (status, body.startswith(b"can't make /metrics: TypeError")) == (503, True)
        collector.stop()  # then all of its lines are written
        log = collector.log()
    assert log.count("can't make /") == log.count("Traceback") == 2


def test_no_cache_on_the_way_keeps_an_answer(collector):
    """What it would repeat is gone by then; the page alone may be kept if it is asked for anew."""
    for path in ("/m/etrics", "/api/v1/plugins", "/api/v1/knobs", "/-/ready", "/nothing"):
        assert collector.get(path)[1]["Cache-Control"] == "no-store"
    assert collector.get("/")[1]["Cache-Control"] == "no-cache"


def test_no_answer_says_which_python_runs(collector):
    """Refusals of what is no HTTP neither."""
    for path in ("/m/etrics", "/", "/nothing", "/-/ready"):
        assert collector.get(path)[1]["Server"] == "waggle-live-collector"
    assert b"Python" not in say(collector, b"GET / HTTP/9.9\r\n\r\n")


@pytest.mark.parametrize("path", ["/m/etrics", "/-/healthy", "/"])
def test_who_asks_and_says_no_more_is_answered(collector, path):
    """As netcat does, which shuts its side down behind the request; then the connection ends."""
    for _ in range(10):
        answer = say(collector, b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode())
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert len(body) == int(re.search(rb"(?i)content-length: (\d+)", head).group(1))


def say(collector, request):
    """Send bytes and the end of file; return what comes until the other side closes."""
    host, _, port = collector.url.rpartition("/")[2].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=30) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(1 << 16), b""))


def test_the_past_is_told(collector):
    """As JSON, packed where it is accepted: each series that has a step behind it."""
    wait_until(lambda: json.loads(collector.get("/api/v1/history")[2])["plugins"][0]["series"])
    status, headers, body = collector.get("/api/v1/history", {"Accept-Encoding": "gzip"})
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert headers["Content-Encoding"] == "gzip"
    told = json.loads(gzip.decompress(body))
    assert 0 <= told["now"] - told["until"] < 10
    (plugin,) = told["plugins"]
    assert plugin["plugin"] == "plugin"
    kinds = {series["kind"]: len(series["values"]) for series in plugin["series"]}
    assert kinds.keys() == {"timer", "counter", "cpu", "memory"}
