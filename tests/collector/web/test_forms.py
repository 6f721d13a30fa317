"""Which form of /metrics a reader is answered with, by a real collector."""

import gzip
import http.client
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from tests.prometheus import Prometheus

from ..accept_headers import PROTOBUF_READERS, TEXT_READERS
from ..harness import Client, start, wait_until
from ..metric_family import decode
from ..world import timer

READERS = {**TEXT_READERS, **PROTOBUF_READERS}
TYPES = {
    "text": "text/plain; version=0.0.4; charset=utf-8",
    "openmetrics": "application/openmetrics-text; version=1.0.0; charset=utf-8",
    "protobuf": "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
    "encoding=delimited",
}
PARSE = {
    "text": lambda body: parse_text(body.decode()),
    "openmetrics": lambda body: parse_openmetrics(body.decode()),
    "protobuf": decode,
}
LAST = "waggle_timer_last_seconds"


@pytest.fixture(scope="module")
def collector():
    with start() as running, Client(running) as client:
        client.hello(plugin="plugin")
        client.update(1, [timer("t", {0: 3}, 5, last=5)])
        client.flush()
        yield running


def ask(collector, path, *accept, method="GET"):
    """Return status, headers and body of a request with so many lines of Accept."""
    connection = http.client.HTTPConnection(collector.url.rpartition("/")[2], timeout=30)
    connection.putrequest(method, path)
    for line in accept:
        connection.putheader("Accept", line)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.headers, body


def form(headers):
    """Return which form an answer has."""
    (found,) = (name for name, told in TYPES.items() if told == headers["Content-Type"])
    return found


@pytest.mark.parametrize("native", ["", "native=0&", "native=1&"])
@pytest.mark.parametrize("reader", READERS)
def test_every_reader_gets_what_it_can_read(collector, reader, native):
    """Protobuf only who prefers it, and only where the URL asks for native histograms."""
    accept = READERS[reader]
    for live in ("", "live=1", "live=0"):
        path = f"/metrics?{native}{live}"
        status, headers, body = ask(collector, path, *([accept] if accept else []))
        assert (status, headers["Vary"]) == (200, "Accept, Accept-Encoding")
        if native == "native=1&" and reader in PROTOBUF_READERS:
            assert form(headers) == "protobuf"
        else:
            assert form(headers) == ("openmetrics" if "openmetrics" in accept else "text")
        names = {family.name for family in PARSE[form(headers)](body)}
        assert "waggle_timer_seconds" in names
        assert (LAST in names) == (live != "live=0")


def test_each_form_is_an_answer_of_its_own(collector):
    """Also where all of them are asked for at once."""
    accepts = TYPES.values()
    asked = [(live, accept) for live in "01" for accept in accepts] * 5
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = pool.map(
            lambda one: ask(collector, "/metrics?native=1&live=%s" % one[0], one[1]), asked
        )
        for (live, accept), (status, headers, body) in zip(asked, answers):
            assert (status, headers["Content-Type"]) == (200, accept)
            assert (LAST in {family.name for family in PARSE[form(headers)](body)}) == (live == "1")


def test_several_lines_of_accept_are_one(collector):
    """The second one counts as much."""
    lines = "text/plain;q=0.4", "application/openmetrics-text;q=0.5"
    assert form(ask(collector, "/metrics", *lines)[1]) == "openmetrics"


@pytest.mark.parametrize(
    "accept", ["text/plain;version=x", "text/plain;q=0.5, application/openmetrics-text;q=0.4", "é"]
)
def test_an_odd_header_is_no_fault(collector, accept):
    """Who asks for what there isn't gets the text."""
    status, headers, _ = ask(collector, "/metrics", accept.encode())
    assert (status, form(headers)) == (200, "text")


def test_parameters_that_make_no_sense_are_refused(collector):
    """With what is right; a repeated one counts as it stands last, and strangers count nothing."""
    status, _, body = ask(collector, "/metrics?native=yes", "*/*")
    assert (status, body) == (400, b"the parameter native is 0 or 1, not 'yes'\n")
    status, _, body = ask(collector, "/metrics?live=")
    assert (status, body) == (400, b"the parameter live is 0 or 1, not ''\n")
    prometheus = PROTOBUF_READERS["prometheus 2.42, native"]
    assert form(ask(collector, "/metrics?native=x&native=1&a=b", prometheus)[1]) == "protobuf"
    assert form(ask(collector, "/metrics?native=1&native=0", prometheus)[1]) == "openmetrics"


def test_protobuf_is_packed_and_asked_about_like_any_form(collector):
    """Gzip where it is taken; HEAD has its type and no body."""
    accept = PROTOBUF_READERS["prometheus 3.8, native"]
    headers = {"Accept": accept, "Accept-Encoding": "gzip"}
    status, answered, body = collector.get("/metrics?native=1", headers)
    assert (status, answered["Content-Encoding"]) == (200, "gzip")
    assert "waggle_timer_seconds" in {family.name for family in decode(gzip.decompress(body))}
    headers["Accept-Encoding"] = "gzip;q=0, *"
    assert collector.get("/metrics?native=1", headers)[1]["Content-Encoding"] is None
    status, answered, body = ask(collector, "/metrics?native=1", accept, method="HEAD")
    assert (status, form(answered), body) == (200, "protobuf", b"")


def test_prometheus_takes_a_family_in_several_messages(tmp_path):
    """Protobuf has the length of a message before it; ours are as small as the pieces of a text."""
    with start() as collector, Client(collector) as client:
        client.hello()
        for first in range(1, 1000, 100):
            names = [f"t{number}" for number in range(first, first + 100)]
            client.update(first, [timer(name, {0: 3}, 5) for name in names])
        client.flush()
        accept = PROTOBUF_READERS["prometheus 2.42, native"]
        body = ask(collector, "/metrics?native=1", accept)[2]
        assert body.count(b"waggle_timer_seconds\x12") > 5
        job = {
            "job_name": "node",
            "params": {"native": ["1"]},
            "scrape_interval": "1s",
            "static_configs": [{"targets": [collector.url.rpartition("/")[2]]}],
        }
        flags = ["--enable-feature=native-histograms"]
        with Prometheus(tmp_path, [job], flags=flags) as prometheus:
            # A later scrape may come too late on a busy machine; then they are gone until the next.
            for family in (
                "histogram_count(waggle_timer_seconds) == 3",
                "waggle_timer_failures_total",
            ):
                wait_until(lambda family=family: prometheus.value(f"count({family})") == 1000)
