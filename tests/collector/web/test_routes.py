"""HTTP, as scrapers and people ask."""

import gzip
import http.client
import json

import pytest

from ..harness import Client, Scrape, start
from ..world import counter, timer

PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)

#: A collector whose JSON can't be made.
WITHOUT_JSON = """
from waggle_live_collector.__main__ import main
from waggle_live_collector.exposition.json import Api
Api._plugin = None
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
    for path in ("/m/etrics", "/", "/-/healthy", "/-/ready", "/api/v1/plugins", "/api/v1/stream"):
        connection.request("HEAD", path)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
    connection.close()


def test_the_page_links_what_there_is(collector):
    """Somebody who comes with a browser finds the metrics."""
    status, headers, body = collector.get("/")
    assert status == 200
    assert headers["Content-Type"].startswith("text/html")
    for path in ("m/etrics", "api/v1/plugins", "api/v1/stream", "-/ready"):
        assert f'href="{path}"'.encode() in body


def test_other_paths_and_methods_are_refused(collector):
    """With the status that says so."""
    assert collector.get("/metrics")[0] == 404
    assert collector.get("/..%2f..%2fetc/passwd")[0] == 404
    connection = http.client.HTTPConnection(collector.url.rpartition("/")[2], timeout=30)
    connection.request("POST", "/m/etrics", body=b"x")
    assert connection.getresponse().status == 405
    connection.close()


def test_a_fault_of_a_handler_leaves_a_trace():
    """The answer says so; it is counted each time, and logged once with its traceback."""
    with start(program=WITHOUT_JSON) as collector, Client(collector) as client:
        client.hello()
        for turn in (1, 2):
            status, _, body = collector.get("/api/v1/plugins")
            assert (status, body) == (500, b"the collector has a fault; see its log\n")
            assert collector.value("waggle_collector_errors_total", where="http") == turn
        for turn in (3, 4):
            assert collector.get("/api/v1/stream")[2] == b"retry: 1000\n\n"
            assert collector.value("waggle_collector_errors_total", where="http") == turn
        log = collector.log()
    assert (
        log.count("can't answer /api/v1/plugins") == log.count("the live stream has a fault") == 1
    )
    assert log.count("Traceback") == 2
