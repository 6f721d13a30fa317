"""``Top`` in a pipe: what it prints, and what it asks the nodes."""

import io
import json
import time

import pytest
from rich.console import Console

from waggle_live_controller import Fleet
from waggle_live_controller.top import loop
from waggle_live_controller.top.loop import Top

from ..conftest import body, http, plugin, timer

PAST = {
    "now": 1.0,
    "step": 5,
    "plugins": [
        {
            "plugin": "yolo",
            "plugin_task": "detect",
            "plugin_job": "",
            "series": [
                {"kind": "timer", "name": "inference", "labels": {}, "values": [0.01, 0.03, 0.02]}
            ],
        }
    ],
}


def printed(server, seconds, condition=lambda text: False, interval=0.2):
    """Return what it prints until a condition holds, or so many seconds have passed."""
    file, end = io.StringIO(), time.monotonic() + seconds
    with Fleet([server.url]) as fleet:
        top = Top(fleet=fleet, console=Console(file=file), interval=interval)
        top.run(lambda: condition(file.getvalue()) or time.monotonic() > end)
    return file.getvalue()


@pytest.fixture
def often(monkeypatch):
    """Print a table each 0.1 s."""
    monkeypatch.setattr(loop, "PLAIN_INTERVAL", 0.1)


@pytest.mark.usefixtures("often")
def test_curves_begin_with_what_the_node_remembers(server):
    """It is asked once, when it first answers, and again when it was away."""

    def answer(request):
        remembered = "/api/v1/history" in request
        return http(json.dumps(PAST).encode() if remembered else body(plugin(timers=[timer()])))

    server.answer = answer
    text = printed(server, 20, lambda text: "▁█▄" in text or "▁█▅" in text)
    row = text[text.rindex("\ninference") :].splitlines()[1]
    assert "10.0 ms … 30.0 ms" in row
    assert sum("/api/v1/history" in request for request in server.requests) == 1


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("content", [b"", b"[]", b'{"step": 5, "plugins": [1]}'])
def test_a_node_that_remembers_nothing_is_shown_all_the_same(server, content):
    """An older collector, or one that answers what it shouldn't: curves begin now."""

    def answer(request):
        if "/api/v1/history" in request:
            return http(content, "404 Not Found" if not content else "200 OK")
        return http(body(plugin(timers=[timer()])))

    server.answer = answer
    text = printed(server, 20, lambda text: text.count("detect: up") > 3)
    assert "can't be shown" not in text and "▄" in text


def test_the_first_table_has_answers_in_it(server):
    """Even if it is to stop at once."""
    server.answer = lambda request: http(body(plugin(timers=[timer()])))
    text = printed(server, -1, interval=20)  # an answer is waited for as long as that
    assert "detect: up" in text and text.count("instrument") == 1
