"""docs/reference/http.md and its schemas say what a real collector answers."""

import inspect
import json
import re

import jsonschema
import pytest

from waggle_live_collector.web import routes as web_routes

from ..collector.harness import wait_until
from ..collector.web.orders import ask, entry
from .programs import routes
from .tables import REFERENCE, code, read, rows


def schema(link):
    """Return a validator of a schema of the reference, or of a definition in it."""
    name, _, definition = link.partition("#")
    whole = json.loads((REFERENCE / name).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(whole)
    part = {**whole, "$ref": "#/$defs/" + definition} if definition else whole
    return jsonschema.Draft202012Validator(part)


@pytest.mark.parametrize("window", ["", "?window=1", "?window=2"])
def test_plugins_are_as_the_schema_says(collector, plugin, window):
    """With something in each list, and of each window."""
    plugin.flush()  # it may have been silent while other tests ran
    answer = json.loads(collector.get("/api/v1/plugins" + window)[2])
    schema("plugins.schema.json").validate(answer)
    told, ended = sorted(answer["plugins"], key=lambda each: each["plugin"] == "ended")
    for name in ("timers", "rates", "gauges", "counters", "functions", "messages", "problems"):
        assert told[name], name
    assert (told["state"], ended["state"], ended["status"]) == ("up", "ended", "ok")


def test_the_schema_names_every_field(collector):
    """The answer has no field that the schema, or the page, doesn't name."""
    whole = json.loads((REFERENCE / "plugins.schema.json").read_text(encoding="utf-8"))["$defs"]
    answer = json.loads(collector.get("/api/v1/plugins")[2])
    identity, page = set(whole["identity"]["properties"]), read("http.md")
    for plugin in answer["plugins"]:
        assert set(plugin) - identity == set(whole["plugin"]["properties"])
        for kind in ("timers", "rates", "gauges", "counters"):
            fields = set(whole["series"]["properties"]) | set(whole[kind[:-1]]["properties"])
            assert all(set(each) == fields for each in plugin[kind]), kind
            assert [field for field in fields if "`%s`" % field not in page] == []
        fields = set(whole["function"]["properties"])
        assert all(set(each) == fields for each in plugin["functions"])
        assert [field for field in {*plugin, *fields} if "`%s`" % field not in page] == []


def test_history_is_as_the_schema_says(collector, plugin):
    """With a curve of each kind, once a step has ended while the plugin was up."""
    kinds = {"timer", "rate", "gauge", "counter", "messages", "uploads", "memory"}

    def curves():
        plugin.flush()
        answer = json.loads(collector.get("/api/v1/history")[2])
        schema("history.schema.json").validate(answer)
        told = [curve for plugin in answer["plugins"] for curve in plugin["series"]]
        return told if kinds <= {curve["kind"] for curve in told} else None

    told = wait_until(curves, every=0.1)
    assert all("p95" in curve for curve in told if curve["kind"] == "timer")


@pytest.mark.parametrize("name", ["knobs", "leases", "quarantine"])
def test_control_is_as_the_schema_says(collector, name):
    """What needs no token: knobs, leases and quarantined values."""
    answer = json.loads(collector.get("/api/v1/" + name)[2])
    schema("control.schema.json#" + name).validate(answer)
    assert name != "knobs" or len(answer["knobs"]) == 4
    assert name != "leases" or len(answer["holders"]) == 1


def test_a_lease_and_its_answer_are_as_the_schema_says(collector):
    """What is sent and what comes back."""
    body = {"ttl": 5, "set": [entry("resolution", 1080, plugin_task="detect"), entry("nothing", 1)]}
    schema("control.schema.json#will").validate(body)
    path = "/api/v1/leases/another"
    status, _, answer = ask(collector, "PUT", path, body, If_None_Match="*")
    assert status == 201
    schema("control.schema.json#answer").validate(json.loads(answer))
    assert ask(collector, "DELETE", path)[0] == 204


def test_schemas_refuse_what_is_wrong():
    """A schema that takes anything would hold nothing."""
    for link, wrong in [
        ("plugins.schema.json", {"now": 1, "node": {}, "plugins": [], "gone": []}),
        ("plugins.schema.json#gone", {"plugin": "a", "plugin_task": "a", "plugin_job": ""}),
        ("plugins.schema.json#counter", {"name": "a", "labels": {}, "age": 0, "total": -1}),
        ("history.schema.json#series", {"kind": "timer", "name": "", "labels": {}, "values": []}),
        ("history.schema.json#values", [0] * 121),
    ]:
        assert list(schema(link).iter_errors(wrong)), link


def test_every_route_is_described_and_answers(collector):
    """Each row of the page's first table is a route of the collector, and each route has a row."""
    described = set()
    for row in rows(read("http.md"), "request"):
        (request,) = code(row["request"])
        method, path = request.split()
        described.add((method, path))
        status, headers, body = collector.ask(method, path.replace("{holder}", "nobody"))
        assert status in ((200,) if method == "GET" else (401,)), (request, body)
        if method == "GET" and "JSON" in row["body"]:
            assert headers["Content-Type"] == "application/json"
    assert described == routes()


def test_unknown_paths_methods_and_parameters(collector):
    """404, 405, and 400 with the rule."""
    assert collector.get("/api/v1/nothing")[0] == 404
    assert collector.ask("POST", "/metrics", b"")[0] == 405
    assert collector.get("/metrics?unknown=1")[0] == 200
    for path, right in [
        ("/metrics?native=2", b"0 or 1"),
        ("/metrics?live=", b"0 or 1"),
        ("/api/v1/plugins?window=11", b"1 to 10"),
    ]:
        status, _, body = collector.get(path)
        assert (status, right in body) == (400, True), (path, body)


def test_parameters_have_rows(collector):
    """Each parameter that the program reads stands in a table, and the other way round."""
    found = {code(row["parameter"])[0] for row in rows(read("http.md"), "parameter")}
    assert found == set(re.findall(r'query(?:, |\.get\()"(\w+)"', inspect.getsource(web_routes)))
