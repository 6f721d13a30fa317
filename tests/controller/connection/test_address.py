"""An address of a node: what it is short for, and what can't be one."""

import pytest

from waggle_live_controller import InvalidAddress, Node
from waggle_live_controller.connection.address import parse


@pytest.mark.parametrize(
    ("text", "url", "expected"),
    [
        ("localhost", "http://localhost:9090", ("localhost", 9090, "", "localhost:9090")),
        ("127.0.0.1:1", "http://127.0.0.1:1", ("127.0.0.1", 1, "", "127.0.0.1:1")),
        ("127.0.0.1:80", "http://127.0.0.1:80", ("127.0.0.1", 80, "", "127.0.0.1")),
        ("W0A1.local.", "http://W0A1.local.:9090", ("w0a1.local.", 9090, "", "w0a1.local.:9090")),
        ("h/waggle", "http://h:9090/waggle", ("h", 9090, "/waggle", "h:9090")),
        ("h:1/a/b/", "http://h:1/a/b", ("h", 1, "/a/b", "h:1")),
        ("[::1]", "http://[::1]:9090", ("::1", 9090, "", "[::1]:9090")),
        ("[::1]:7/waggle", "http://[::1]:7/waggle", ("::1", 7, "/waggle", "[::1]:7")),
        ("[fe80::1%25a]", "http://[fe80::1%25a]:9090", ("fe80::1%a", 9090, "", "[fe80::1]:9090")),
        ("[fe80::1%Eth0]:9", "http://[fe80::1%Eth0]:9", ("fe80::1%Eth0", 9, "", "[fe80::1]:9")),
        ("http://h", "http://h", ("h", 80, "", "h")),
        ("HTTPS://h/", "https://h", ("h", 443, "", "h")),
        ("http://h:9090/waggle", "http://h:9090/waggle", ("h", 9090, "/waggle", "h:9090")),
        ("http://my_host:9090", "http://my_host:9090", ("my_host", 9090, "", "my_host:9090")),
    ],
)
def test_addresses(text, url, expected):
    """Without a scheme it is http on port 9090; a URL means what it means everywhere."""
    found = parse(text)
    assert (found.host, found.port, found.prefix, found.authority) == expected
    assert Node(text).url == found.url == url


@pytest.mark.parametrize(
    "text",
    [
        *("", "host:", "host:port", "host:70000", "host:0", "host:-1", "a..b", "x" * 64, "a b"),
        *("ftp://host", "unix:///run/x.sock", "http://", "http://host:port", "http://host:70000"),
        *("http://host/?q", "http://host/?", "http://host/#f", "http://ho st", "http://h\u00f6st"),
        *("http://host/\r\nX: y", "http:/host:9090", "http//host:9090", "http:host:9090"),
        *("[::1", "::1]", "[::1]x", "[host]", "[127.0.0.1]", "[fe80::1%25]", "a,b", "*", "/waggle"),
        *(None, b"http://host", 9090, ["http://host"]),
    ],
)
def test_addresses_that_are_none(text):
    """The error says what an address looks like."""
    with pytest.raises(InvalidAddress, match="host:port"):
        parse(text)


@pytest.mark.parametrize(
    "text", ["http://alice:secret@host", "alice:sec/ret@host", "a:secret@[::1"]
)
def test_a_password_is_no_part_of_an_address(text):
    """The error names the arguments and doesn't repeat it."""
    with pytest.raises(InvalidAddress, match="password=") as caught:
        parse(text)
    assert "sec" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("::1", r"is it \[::1\]:9090\?"),
        ("http://fe80::1/", r"is it \[fe80::1\]:9090\?"),
        (":9090", "is it localhost:9090"),
        ("9090", "is it localhost:9090"),
    ],
)
def test_what_was_meant(text, meant):
    """Where that can be told."""
    with pytest.raises(InvalidAddress, match=meant):
        parse(text)
