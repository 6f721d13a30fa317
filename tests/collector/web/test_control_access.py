"""Who may control plugins: whoever shows the token, and nobody else."""

import json

import pytest

from ..harness import Client, start, wait_until
from .orders import KNOBS, TOKEN, ask, begin, declare, entry, outcomes

REQUESTS = [
    ("PUT", "/api/v1/leases/me", {"set": [entry("resolution", 360)]}),
    ("DELETE", "/api/v1/leases/me", None),
    ("DELETE", "/api/v1/quarantine?plugin=plugin&name=resolution", None),
    ("POST", "/api/v1/profile", {"plugin": "plugin", "seconds": 1}),
]


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
def test_without_the_token_nothing_changes(collector, plugin, method, path, body):
    """401 with how to show it, counted, and neither the right one nor the wrong one is logged."""
    begin(collector, entry("model", "n"))
    plugin.read()
    wrong = [None, "", "wrong", TOKEN + "x", "\xc3\xa9"]
    for shown in wrong:
        status, headers, text = ask(collector, method, path, body, token=shown, If_None_Match="*")
        assert (status, headers["WWW-Authenticate"]) == (401, "Waggle-Control-Token")
        assert b"Waggle-Control-Token" in text
    assert [each["type"] for each in plugin.flush()] == ["applied"]
    assert outcomes(collector) == {"created": 1, "unauthorized": len(wrong)}
    assert json.loads(collector.get("/api/v1/leases")[2])["holders"]
    collector.stop()  # then all of its lines are written
    assert TOKEN not in collector.log()
    assert "wrong" not in collector.log()


def test_without_the_flag_nobody_controls_anything():
    """403 with the name of the flag; the knobs are told all the same."""
    with start() as collector, Client(collector) as client:
        client.hello()
        declare(client)
        client.flush()
        for method, path, body in REQUESTS:
            status, _, text = ask(collector, method, path, body, If_None_Match="*")
            assert (status, b"--control.token-file" in text) == (403, True)
        assert [each["type"] for each in client.flush()] == ["applied"]
        assert outcomes(collector) == {"off": len(REQUESTS)}
        told = json.loads(collector.get("/api/v1/knobs")[2])
        assert {each["name"] for each in told["knobs"]} == {knob["name"] for knob in KNOBS}
        assert told["control"] == "off"


def test_a_name_that_a_page_could_have_is_refused(collector):
    """Against DNS rebinding, before the token is looked at."""
    known = [
        *("127.0.0.1:9090", "[::1]:9090", "[fe80::1]", "localhost", "node-W023"),
        "wes-live-metrics.default.svc.cluster.local:9090",
        "wes-live-metrics.default.svc",
    ]
    strange = [
        *("evil.example.org:9090", "127.0.0.1.evil.example.org", "localhost.example.org"),
        *("evil.example.org.", "", "1.2.3", "a.b"),
    ]
    for number, host in enumerate([*known, *strange]):
        path = f"/api/v1/leases/me-{number}"
        status = ask(collector, "PUT", path, {"set": []}, If_None_Match="*", Host=host)[0]
        assert status == (201 if host in known else 403), host
    assert outcomes(collector) == {"created": len(known), "host": len(strange)}


def test_a_plugin_sets_nothing_by_its_socket(collector, plugin):
    """What the collector says to plugins is an error of one that says it, and counted."""
    with Client(collector) as other:
        other.hello("session-2", plugin="other")
        entries = [{"name": "resolution", "value": 360, "seconds": 10, "revision": 1}]
        other.send({"type": "set", "number": 1, "knobs": entries})
        assert other.read()["code"] == "control"
    assert [each["type"] for each in plugin.flush()] == ["applied"]
    assert collector.scrape().sum("waggle_collector_refusals_total", reason="control") == 1


def test_a_token_can_be_replaced_while_it_runs(tmp_path):
    """The file is read anew; one that is missing admits nobody, and that is logged."""
    path = tmp_path / "token"
    path.write_text("first")
    with start(flags=[f"--control.token-file={path}"]) as collector:

        def put(token, holder):
            leases = "/api/v1/leases/" + holder
            return ask(collector, "PUT", leases, {"set": []}, token=token, If_None_Match="*")[0]

        assert put("first", "a") == 201
        path.write_text("second")
        assert (put("first", "b"), put("second", "b")) == (401, 201)
        path.unlink()
        assert (put("second", "c"), put("", "c")) == (401, 401)
        wait_until(lambda: "nobody can control plugins until it is fixed" in collector.log())


def test_a_token_file_that_is_no_good_stops_the_start(tmp_path):
    """Nobody finds out later that nobody may."""
    path = tmp_path / "token"
    path.write_text("\n")
    with pytest.raises(AssertionError, match="must hold 1 to 1024 bytes"):
        start(flags=[f"--control.token-file={path}"])


def test_an_address_where_others_can_listen_is_warned_of(token_file):
    """Without TLS, and not for the loopback."""
    flags = [f"--control.token-file={token_file}", "--web.listen-address=127.0.0.1:0"]
    with start(flags=flags) as collector:
        assert "without TLS" not in collector.log()
    with start(flags=[*flags, "--web.listen-address=0.0.0.0:0"]) as collector:
        assert collector.log().count("--control.token-file without TLS on 0.0.0.0:") == 1
