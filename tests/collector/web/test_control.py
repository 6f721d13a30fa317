"""Control over HTTP: who may, what is answered, and that nothing else changes anything."""

import json
import socket
import threading
import time
from pathlib import Path

import jsonschema

from ..control.holders import RESOLUTION
from ..harness import Client, start, wait_until
from ..patience import AWAITS
from .orders import HEADER, TOKEN, ask, begin, declare, entry, outcomes

SCHEMA = json.loads(
    (Path(__file__).parents[3] / "docs" / "reference" / "control.schema.json").read_text()
)


def check(name, what):
    """Hold an answer or a request to its schema."""
    jsonschema.Draft202012Validator({**SCHEMA, "$ref": "#/$defs/" + name}).validate(what)


def knobs(collector):
    """Return the knobs by name."""
    status, _, body = collector.get("/api/v1/knobs")
    assert status == 200
    answer = json.loads(body)
    check("knobs", answer)
    return {each["name"]: each for each in answer["knobs"]}


def test_the_schema_is_one():
    """And every name in it is resolved."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_holder_begins_goes_on_and_ends(collector, plugin):
    """201, 200, 204; the ETag stays; the process is sent each of them."""
    body = {"ttl": 60, "set": [entry("resolution", 360), entry("model", "x")]}
    check("will", body)
    path = "/api/v1/leases/me"
    status, headers, answer = ask(collector, "PUT", path, body, If_None_Match="*")
    assert (status, headers["Content-Type"]) == (201, "application/json")
    check("answer", json.loads(answer))
    assert [each["status"] for each in json.loads(answer)["entries"]] == ["pending", "refused"]
    (sent,) = plugin.read()["knobs"]
    assert (sent["name"], sent["value"]) == ("resolution", 360)
    declare(plugin, 2, resolution={"value": 360, "source": "set", "revision": sent["revision"]})
    plugin.flush()
    told = knobs(collector)["resolution"]
    assert (told["holder"], told["value"], told["source"]) == ("me", 360, "set")
    assert told["processes"] == {"applied": 1, "refused": 0, "pending": 0}
    assert 0 < told["seconds_left"] <= 60
    assert abs(told["since"] - time.time()) < 60
    etag = headers["ETag"]
    status, headers, answer = ask(collector, "PUT", path, body, If_Match=etag)
    assert (status, headers["ETag"]) == (200, etag)
    assert json.loads(answer)["entries"][0]["status"] == "applied"
    assert plugin.read()["type"] == "set"
    check("leases", json.loads(collector.get("/api/v1/leases")[2]))
    assert etag.encode() not in collector.get("/api/v1/leases")[2]
    assert ask(collector, "DELETE", path)[0] == 204
    assert plugin.read()["knobs"] == []
    assert ask(collector, "DELETE", path)[0] == 404
    expected = {"created": 1, "renewed": 1, "released": 1, "not_found": 1}
    assert outcomes(collector) == expected


def test_a_second_copy_of_a_controller_changes_nothing(collector, plugin):
    """Nor does one that doesn't say which it is; DELETE goes by the ETag too, if it has one."""
    begin(collector, entry("resolution", 360))
    body = {"set": [entry("resolution", 1080)]}
    other = '"0011223344556677"'
    for headers, status in [
        ({}, 428),
        ({"If_None_Match": other}, 428),
        ({"If_None_Match": "*", "If_Match": other}, 428),
        ({"If_Match": other}, 412),
        ({"If_Match": "*"}, 412),
        ({"If_None_Match": "*"}, 412),
    ]:
        assert ask(collector, "PUT", "/api/v1/leases/me", body, **headers)[0] == status, headers
    assert ask(collector, "DELETE", "/api/v1/leases/me", If_Match=other)[0] == 412
    plugin.flush()
    (holder,) = json.loads(collector.get("/api/v1/leases")[2])["holders"]
    assert holder["entries"][0]["value"] == 360


def test_one_of_several_etags_is_enough(collector, plugin):
    """As RFC 9110 has it; a weak one never is."""
    etag, _ = begin(collector, entry("resolution", 360))
    body = {"set": [entry("resolution", 360)]}
    path = "/api/v1/leases/me"
    assert ask(collector, "PUT", path, body, If_Match=f'"other", {etag}')[0] == 200
    assert ask(collector, "PUT", path, body, If_Match="W/" + etag)[0] == 412
    assert ask(collector, "DELETE", path, If_Match=f'{etag},"other"')[0] == 204


def test_a_body_that_is_too_long_is_answered(collector, plugin):
    """Before it is read, if it says how long it is."""
    body = b'{"set": [], "more": "%s"}' % (b"x" * 400_000)
    status, _, text = ask(collector, "PUT", "/api/v1/leases/me", body, If_None_Match="*")
    assert (status, b"at most" in text) == (413, True)
    more = {"Content_Length": "99999999", "If_None_Match": "*"}
    assert ask(collector, "PUT", "/api/v1/leases/me", b"{", **more)[0] == 413
    assert outcomes(collector) == {"bad_request": 2}


def test_a_body_that_is_none_changes_nothing(collector, plugin):
    """400 with what is wrong with it."""
    bodies = [
        *(b"", b"{", b"[]", b"null", b"\xff", b'{"set": 7}', b'{"set": [7]}', b'{"ttl": 10}'),
        b'{"set": [{"plugin": "plugin", "name": "resolution"}]}',
        *(b'{"set": [], "ttl": 1}', b'{"set": [], "ttl": 61}', b'{"set": [], "ttl": NaN}'),
        *(b'{"set": [], "priority": 10}', b'{"set": [], "priority": 0.5}', b"[" * 100_000),
    ]
    for body in bodies:
        status, _, text = ask(collector, "PUT", "/api/v1/leases/me", body, If_None_Match="*")
        assert (status, text[:17]) == (400, b"the body is wrong"), body[:80]
    assert json.loads(collector.get("/api/v1/leases")[2])["holders"] == []
    assert outcomes(collector) == {"bad_request": len(bodies)}


def test_a_name_that_is_none_is_said(collector):
    """400 with the rule."""
    status, _, text = ask(collector, "PUT", "/api/v1/leases/Me", {"set": []}, If_None_Match="*")
    assert (status, b"[a-z0-9._-]" in text) == (400, True)


def test_leases_outlive_a_killed_collector(token_file):
    """The ETag and the value are there again; the process, which has it, is sent nothing."""
    with start(flags=[f"--control.token-file={token_file}"]) as collector:
        with Client(collector) as client:
            client.hello()
            declare(client)
            client.flush()
            etag, _ = begin(collector, entry("resolution", 360), ttl=60)
            sent = client.read()["knobs"][0]
            told = {"value": 360, "source": "set", "revision": sent["revision"]}
            wait_until(lambda: b'"me"' in (Path(collector.directory) / "state").read_bytes())
            collector.kill()
        collector.start(wait_ready=False)
        with Client(collector) as client:
            client.hello()
            declare(client, 2, resolution=told)
            assert [each["type"] for each in client.flush()] == ["applied"]
            collector.wait_ready()
            body = {"set": [entry("resolution", 360)], "ttl": 60}
            status, _, answer = ask(collector, "PUT", "/api/v1/leases/me", body, If_Match=etag)
            assert (status, json.loads(answer)["entries"][0]["status"]) == (200, "applied")
            assert client.read()["knobs"][0]["revision"] == sent["revision"]


def test_what_is_quarantined_is_shown_and_cleared(collector):
    """By plugin, knob and value."""
    etag = None
    for number in range(2):
        with Client(collector) as client:
            client.hello(f"session-{number}")
            declare(client)
            client.flush()
            if etag is None:
                etag, _ = begin(collector, entry("model", "m"), ttl=60)
            wait_until(lambda client=client: client.read()["knobs"], seconds=30)
            client.bye(status="error")
    found = json.loads(collector.get("/api/v1/quarantine")[2])
    check("quarantine", found)
    (value,) = found["quarantined"]
    assert (value["name"], value["value"]) == ("model", "m")
    path = "/api/v1/quarantine?plugin=plugin&name=model&value="
    assert ask(collector, "DELETE", "/api/v1/quarantine?plugin=plugin")[0] == 400
    assert ask(collector, "DELETE", path + "n")[0] == 404
    assert ask(collector, "DELETE", path + "m")[0] == 204
    assert json.loads(collector.get("/api/v1/quarantine")[2]) == {"quarantined": []}


def test_a_profile_is_answered_as_folded_stacks(collector, plugin):
    """While it is taken the knob is held, and the process is asked for its stacks."""
    done = {}

    def profile():
        body = {"plugin": "plugin", "seconds": 1, "hz": 50}
        check("wish", body)
        done["answer"] = ask(collector, "POST", "/api/v1/profile", body)

    thread = threading.Thread(target=profile)
    thread.start()
    sent = plugin.read()
    assert (sent["stacks"], sent["knobs"][0]["value"]) == (True, 50)
    revision = sent["knobs"][0]["revision"]
    told = {"value": 50, "source": "set", "revision": revision}
    declare(plugin, 2, __profile=told)
    stacks = {"main;detect": [5_000_000, 3_000_000]}
    plugin.send({"type": "stacks", "number": 1, "revision": revision, "stacks": stacks})
    while plugin.read()["knobs"]:
        pass
    declare(plugin, 3, __profile={"revision": revision})
    thread.join()
    status, headers, text = done["answer"]
    assert (status, text) == (200, b"main;detect 3000\n")
    assert headers["Waggle-Profile-Unit"] == "cpu microseconds"
    assert json.loads(collector.get("/api/v1/leases")[2])["holders"] == []


def test_who_hangs_up_has_the_sampler_switched_off(collector, plugin):
    """At once, and not at the end of the time that was wished for."""
    body = b'{"plugin": "plugin", "seconds": 60}'
    host, port = collector.url[len("http://") :].split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(
            b"POST /api/v1/profile HTTP/1.1\r\nHost: localhost\r\n%s: %s\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (HEADER.encode(), TOKEN.encode(), len(body), body)
        )
        assert plugin.read()["stacks"]
    while plugin.read()["knobs"]:
        pass
    assert json.loads(collector.get("/api/v1/leases")[2])["holders"] == []


def test_a_will_about_eight_hundred_knobs_is_taken(collector):
    """Longer than what a stranger may ask; one that is longer still is cut off or refused."""
    names = [f"knob_{number}" for number in range(32)]
    listed = [{**RESOLUTION, "name": name} for name in names]
    clients = []
    for number in range(25):
        clients.append(Client(collector))
        clients[-1].hello(f"session-{number}", plugin=f"registry.example.org/waggle/p{number}")
        declare(clients[-1], listed=listed)
        clients[-1].flush()
    plugins = [f"registry.example.org/waggle/p{number}" for number in range(25)]
    entries = [entry(name, 360, plugin) for plugin in plugins for name in names]
    _, answers = begin(collector, *entries)
    assert {each["status"] for each in answers} == {"pending"}
    assert len(answers) == 800
    for client in clients:
        assert len(client.read()["knobs"]) == 32
        client.close()


def test_orders_wait_until_the_plugins_are_back(token_file):
    """Right after a start a plugin may not have returned; its knob would be refused."""
    flags = [f"--control.token-file={token_file}"]
    will = {"set": [entry("resolution", 360)]}
    path = "/api/v1/leases/me"
    with start(state_file=None, wait_ready=False, flags=flags, program=AWAITS) as collector:
        assert ask(collector, "PUT", path, will, If_None_Match="*")[0] == 503
    with start(state_file=None, flags=flags) as collector:
        assert ask(collector, "PUT", path, will, If_None_Match="*")[0] == 201
