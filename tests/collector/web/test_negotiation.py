"""What a client takes, by its headers."""

import time

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from waggle_live_collector.web.negotiation import media_type, switch, takes_gzip

from ..accept_headers import PROTOBUF_READERS, TEXT_READERS

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROTOBUF = (
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)
OFFERS = (TEXT, OPENMETRICS, PROTOBUF)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        # Wanted most.
        ("text/plain;q=0.5, application/openmetrics-text;q=0.4", TEXT),
        ("text/plain;q=0.4, application/openmetrics-text;q=0.5", OPENMETRICS),
        ("text/plain;q=.4 , application/openmetrics-text;q=0.500", OPENMETRICS),
        ("text/plain; q=0.4,application/openmetrics-text ; q = 1.", OPENMETRICS),
        ("application/openmetrics-text;q=0.0001,text/plain;q=0", OPENMETRICS),
        # Wanted alike: the one that is named first, else ours first.
        ("application/openmetrics-text, text/plain", OPENMETRICS),
        ("text/plain, application/openmetrics-text", TEXT),
        ("application/openmetrics-text, */*", OPENMETRICS),
        ("*/*, application/openmetrics-text", TEXT),
        ("application/*", OPENMETRICS),
        ("*/*", TEXT),
        # The more specific range says how much, wherever it stands.
        ("*/*;q=0.9, text/plain;q=0.1, application/openmetrics-text;q=0.2", PROTOBUF),
        ("*/*, text/plain;q=0.1, application/*;q=0.2", OPENMETRICS),
        ("application/*, application/openmetrics-text;q=0.1", PROTOBUF),
        ("text/plain;q=0.1, text/plain;version=0.0.4;q=0.9, */*;q=0.5", TEXT),
        ("text/plain;q=0.9, text/plain;version=0.0.4;q=0.1, application/*;q=0.5", OPENMETRICS),
        ("*/*, text/plain;q=0", OPENMETRICS),
        ("*/*;q=0, application/openmetrics-text", OPENMETRICS),
        # Parameters: all have to fit.
        ("application/openmetrics-text;version=0.0.1, text/plain;q=0.1", TEXT),
        ("application/openmetrics-text;version=0.0.1", TEXT),
        ("text/plain;version=1.0.0, application/openmetrics-text;q=0.1", OPENMETRICS),
        ('application/openmetrics-text; version="1.0.0"; charset=UTF-8', OPENMETRICS),
        ("Application/OpenMetrics-Text;Version=1.0.0;escaping=values", OPENMETRICS),
        ("application/openmetrics-text;escaping=allow-utf-8;version=1.0.0", OPENMETRICS),
        ("application/vnd.google.protobuf", PROTOBUF),
        ("application/vnd.google.protobuf;encoding=text, */*;q=0.1", TEXT),
        ("application/vnd.google.protobuf;proto=other.Message;encoding=delimited", TEXT),
        # Nothing fits, or nothing can be read: something all the same.
        ("text/html", TEXT),
        ("*/*;q=0", TEXT),
        ("text/plain;q=0", TEXT),
        ("text/plain;version=x", TEXT),
        ("text/plain;version", TEXT),
        ("application/openmetrics-text;q=x", TEXT),
        ("application/openmetrics-text;q=1.5", TEXT),
        ("application/openmetrics-text;q=-1", TEXT),
        ("application/openmetrics-text;q=nan", TEXT),
        ('application/openmetrics-text;x="a,b', TEXT),
        ('a/b;x=",application/openmetrics-text,"', TEXT),
        ("", TEXT),
        (",", TEXT),
        (";", TEXT),
        (';;,;q=1,=,/,*,"', TEXT),
        ("é/\x00;\xff=ü", TEXT),
    ],
)
def test_the_media_type_that_is_wanted_most_is_chosen(accept, chosen):
    """By quality, then by order; the most specific range counts."""
    assert media_type([accept], OFFERS) == chosen


@given(st.lists(st.text(st.sampled_from('aq/*;,=. "\\0129\0é'), max_size=30)))
def test_any_header_is_read(lines):
    """Whatever stands in it: there is always an answer."""
    assert media_type(lines, OFFERS) in OFFERS
    assert takes_gzip(lines) in (False, True)


def test_several_lines_are_one_header():
    """As RFC 9110 says of every list."""
    lines = ["text/plain;q=0.4", "application/openmetrics-text;q=0.5"]
    assert media_type(lines, OFFERS) == OPENMETRICS
    assert media_type(reversed(lines), OFFERS) == OPENMETRICS
    assert media_type([], OFFERS) == TEXT


@pytest.mark.parametrize("accept", PROTOBUF_READERS.values(), ids=PROTOBUF_READERS)
def test_those_who_prefer_protobuf_get_it_where_it_is_offered(accept):
    """And a text that they know where it isn't."""
    assert media_type([accept], OFFERS) == PROTOBUF
    wanted = OPENMETRICS if "openmetrics" in accept else TEXT
    assert media_type([accept], OFFERS[:2]) == wanted


@pytest.mark.parametrize("accept", TEXT_READERS.values(), ids=TEXT_READERS)
def test_those_who_read_no_protobuf_never_get_it(accept):
    """Whether it is offered or not."""
    wanted = OPENMETRICS if "openmetrics" in accept else TEXT
    assert media_type([accept], OFFERS) == media_type([accept], OFFERS[:2]) == wanted


@pytest.mark.parametrize(
    ("accept_encoding", "takes"),
    [
        ("gzip", True),
        ("GZip", True),
        ("x-gzip", True),
        ("*", True),
        ("br, gzip;q=0.5", True),
        ("gzip;q=0.5, identity;q=0.5", True),
        ("identity;q=0, *;q=0.1", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip;q=0.0, *", False),
        ("*;q=0", False),
        ("identity", False),
        ("gzip;q=0.5, identity", False),
        ("gzip;q=x", False),
        ("gzipped", False),
    ],
)
def test_gzip_is_used_for_those_who_take_it(accept_encoding, takes):
    """And don't want the plain answer more."""
    assert takes_gzip([accept_encoding]) is takes
    assert takes_gzip(["br;q=0.1", accept_encoding]) is takes
    assert takes_gzip([]) is False


def test_a_switch_is_0_or_1():
    """Its last value counts; others of the URL are nothing to it."""
    assert switch(MultiDict(), "native", default=False) is False
    assert switch(MultiDict(other="x"), "live", default=True) is True
    assert switch(MultiDict(live="0"), "live", default=True) is False
    assert switch(MultiDict([("native", "x"), ("native", "1")]), "native", default=False) is True
    assert switch(MultiDict([("native", "1"), ("native", "0")]), "native", default=False) is False


@pytest.mark.parametrize("value", ["", "2", "true", "01", "1 ", "é\n\x00"])
def test_another_value_of_a_switch_is_refused(value):
    """With what was wrong and what would be right, on one line."""
    with pytest.raises(web.HTTPBadRequest) as refused:
        switch(MultiDict(native=value), "native", default=False)
    assert refused.value.text == f"the parameter native is 0 or 1, not {value!r}\n"


@pytest.mark.parametrize(
    "part", ['"', '"\\', ",", ";", '";', "a;", '""', "*/*;q=1,", "text/plain;a="]
)
def test_a_long_header_takes_no_long_time(part):
    """Reading it is one pass, whatever stands in it, and ends after some entries."""
    lines = [part * (8000 // len(part))] * 8
    began = time.process_time()
    for _ in range(20):
        media_type(lines, OFFERS)
        takes_gzip(lines)
    assert time.process_time() - began < 4


def test_entries_beyond_the_first_hundred_are_not_read():
    """Nobody has as many; what stands there costs nothing, and is wanted by nobody."""
    for many in (["a/b," * 98], ["a/b"] * 98):
        assert media_type([*many, OPENMETRICS, "text/plain"], OFFERS) == OPENMETRICS
        assert media_type([*many, "a/b", "a/b", OPENMETRICS], OFFERS) == TEXT
        assert takes_gzip([*many, "gzip"]) is True
        assert takes_gzip([*many, "a", "b", "gzip"]) is False
