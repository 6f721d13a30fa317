"""Asks a collector to control plugins, over HTTP."""

import json

from ..control.holders import MODEL, PROFILE, RESOLUTION, THRESHOLD

TOKEN = "a-token-of-the-test"
KNOBS = [RESOLUTION, THRESHOLD, MODEL, PROFILE]
HEADER = "Waggle-Control-Token"


def ask(collector, method, path, body=None, *, token=TOKEN, timeout=10.0, **headers):
    """Return status, headers and body of a request; underscores in ``headers`` are hyphens."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        sent[HEADER] = token
    return collector.ask(method, path, data, sent, timeout)


def entry(name, value, plugin="plugin", **identity):
    """Return one entry of a will."""
    return {"plugin": plugin, **identity, "name": name, "value": value}


def begin(collector, *entries, holder="me", **will):
    """Begin a holder; return its ETag and the entries of the answer."""
    body = {**will, "set": entries}
    status, headers, answer = ask(
        collector, "PUT", "/api/v1/leases/" + holder, body, If_None_Match="*"
    )
    assert status == 201, answer
    return headers["ETag"], json.loads(answer)["entries"]


def declare(client, number=1, listed=KNOBS, **changes):
    """Tell the knobs of a process."""
    told = [{**knob, **changes.get(knob["name"], {})} for knob in listed]
    client.send({"type": "knobs", "number": number, "knobs": told})


def outcomes(collector):
    """Return how often requests had which outcome."""
    found = collector.scrape().all("waggle_collector_control_requests_total")
    return {labels["outcome"]: value for labels, value in found if value}
