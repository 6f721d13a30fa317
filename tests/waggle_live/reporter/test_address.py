"""Where the collector is."""

import os

import pytest

from waggle_live.live import LiveMetrics
from waggle_live.logs import LogOnce
from waggle_live.reporter import address
from waggle_live.reporter.address import Address, Addresses, find_token, parse
from waggle_live.wire.errors import InvalidAddress, InvalidType

from ..helpers import environment, run_python, write_script


@pytest.mark.parametrize(
    "text, parsed",
    [
        ("off", None),
        ("unix:///a/b.sock", Address(path="/a/b.sock")),
        ("unix:///" + "x" * 106, Address(path="/" + "x" * 106)),
        ("tcp://host:1", Address(host="host", port=1)),
        ("tcp://10.0.0.1:65535", Address(host="10.0.0.1", port=65535)),
        ("tcp://[::1]:9091", Address(host="::1", port=9091)),
        ("tcp://::1:9091", Address(host="::1", port=9091)),
    ],
)
def test_good_addresses(text, parsed):
    """unix:///path, tcp://host:port or off."""
    assert parse(text) == parsed
    if parsed is not None:
        assert parse(str(parsed)) == parsed


BAD = [
    "on",
    "OFF",
    "unix://",
    "unix://relative",
    "unix:/a",
    "/a/b.sock",
    "unix:///" + "x" * 107,
    "unix:///a\0b",
    "tcp://",
    "tcp://host",
    "tcp://host:",
    "tcp://:80",
    "tcp://host:0",
    "tcp://host:65536",
    "tcp://host:-1",
    "tcp://host:8o",
    "tcp://host:\u00b2",
    "tcp://host/path:80",
    "http://host:80",
    " off",
]


@pytest.mark.parametrize("text", BAD)
def test_bad_addresses(text):
    """Anything else is an error at the author's call, with the rule and the value."""
    for make in (parse, lambda text: LiveMetrics(address=text)):
        with pytest.raises(InvalidAddress) as caught:
            make(text)
        assert "unix:///path, tcp://host:port or off" in str(caught.value)
        assert repr(text) in str(caught.value)


@pytest.mark.parametrize("text", [*BAD, " ", "\udcff", "x" * 100000, "a\nb"])
def test_bad_addresses_of_an_operator(monkeypatch, caplog, text):
    """A bad variable harms no plugin: nothing is sent, and the log says once why."""
    monkeypatch.setattr(address, "_log_once", LogOnce())
    for _ in range(3):
        addresses = Addresses(None, {"WAGGLE_LIVE_METRICS": text})
        assert addresses.is_off
        assert addresses.candidates() == []
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    line = record.getMessage()
    assert line.startswith("live metrics: nothing is sent: WAGGLE_LIVE_METRICS must be unix:///")
    assert "\n" not in line


def test_an_operators_bad_address_in_a_plugin(tmp_path):
    """The plugin runs to its end, and says one line on stderr."""
    text = """
        from waggle_live import Plugin
        for _ in range(3):
            with Plugin().live as live:
                live.counter("c").inc()
        print("ran", live.flush(0.1), flush=True)
    """
    path = write_script(tmp_path, text)
    env = environment("localhost:9090")
    status, out, err = run_python(path, env=env)
    assert (status, out) == (0, "ran False\n")
    assert err == (
        "live metrics: nothing is sent: WAGGLE_LIVE_METRICS must be "
        "unix:///path, tcp://host:port or off, got 'localhost:9090'\n"
    )


@pytest.mark.parametrize("value", [5, b"off", ["off"], Address(path="/x")])
def test_addresses_of_wrong_type(value):
    """An address that is no str is a TypeError with the rule."""
    with pytest.raises(InvalidType, match="str"):
        LiveMetrics(address=value)


def test_what_decides(monkeypatch):
    """The argument comes before the environment, and either decides alone."""
    environ = {"WAGGLE_LIVE_METRICS": "unix:///b", "WAGGLE_APP_ID": "x"}
    assert Addresses("unix:///a", environ).candidates() == [Address(path="/a")]
    assert Addresses(None, environ).candidates() == [Address(path="/b")]
    assert Addresses("off", environ).candidates() == []
    assert Addresses("off", environ).is_off
    assert Addresses(None, {"WAGGLE_LIVE_METRICS": "off"}).is_off
    assert not Addresses(None, {"WAGGLE_LIVE_METRICS": ""}).is_off


def test_usual_places(monkeypatch, tmp_path):
    """Unset: the sockets that exist, in order; else in the stack the Service, else the first."""
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    monkeypatch.setattr(address, "DEFAULT_SOCKET_PATHS", (first, second))
    service = Address(host="wes-live-metrics.default.svc.cluster.local", port=9091)
    places = {"XDG_RUNTIME_DIR": str(tmp_path / "run"), "HOME": str(tmp_path / "home")}
    outside = Addresses(None, places)
    inside = Addresses(None, dict(places, WAGGLE_APP_ID="uid"))
    assert outside.candidates() == [Address(path=first)]
    assert inside.candidates() == [service]
    open(second, "w").close()
    assert outside.candidates() == inside.candidates() == [Address(path=second)]
    open(first, "w").close()
    assert inside.candidates() == [Address(path=first), Address(path=second)]
    os.unlink(first)
    os.unlink(second)
    assert inside.candidates() == [service]
    user = [tmp_path / "run" / "waggle", tmp_path / "home" / ".waggle"]
    for directory in reversed(user):
        directory.mkdir(parents=True)
        (directory / "live_metrics.sock").touch()
    found = [Address(path=str(directory / "live_metrics.sock")) for directory in user]
    assert outside.candidates() == inside.candidates() == found
    open(second, "w").close()
    assert outside.candidates() == [Address(path=second), *found]


def test_a_socket_that_another_user_has_made(monkeypatch, tmp_path):
    """In a user's own places only what belongs to this user counts, whoever owns the directory."""
    monkeypatch.setattr(address, "DEFAULT_SOCKET_PATHS", (str(tmp_path / "none"),))
    (tmp_path / "waggle").mkdir()
    path = tmp_path / "waggle" / "live_metrics.sock"
    path.touch()
    addresses = Addresses(None, {"XDG_RUNTIME_DIR": str(tmp_path), "HOME": ""})
    assert addresses.candidates() == [Address(path=str(path))]
    try:
        os.chown(str(path), 4040, -1)
    except PermissionError:
        monkeypatch.setattr(address.Native, "geteuid", lambda: os.geteuid() + 1)
    assert addresses.candidates() == [Address(path=str(tmp_path / "none"))]


@pytest.mark.parametrize(
    "text, token",
    [("s3cret\n", "s3cret"), ("  ", ""), ("caf\udce9", "caf?"), ("x" * 5000, "x" * 1024)],
)
def test_token(text, token):
    """A token travels as the wire takes it, whatever is in the variable."""
    assert find_token({"WAGGLE_LIVE_METRICS_TOKEN": text}) == token
