"""What the page shows of plugins, in a real browser, with real collectors behind it."""

import re

import pytest

from tests.collector.harness import Client, wait_until
from tests.collector.world import counter, timer

from .page_rows import HOSTILE, heard, report, row


def test_numbers_appear_and_change(browser, own_collector):
    """A value stands on the page, then the next one, and its way there as a curve."""
    with Client(own_collector) as client:
        client.hello(plugin="waggle/counter", task="left", monotonic=0.0)
        report(client, 1, 3)
        browser.visit(own_collector.url)
        wait_until(lambda: (row(browser, "movers") or {}).get("now") == "3")
        wait_until(lambda: heard(client) and browser.text(".state") == "up")
        assert browser.text(".task") == "left"
        wait_until(lambda: browser.text("#state") == "live")
        assert row(browser, "inference")["p95"].strip().endswith("ms")
        assert row(browser, "frames")["now"] == "25"
        report(client, 2, 1234)
        wait_until(lambda: row(browser, "movers")["now"] == "1234")
        line = "return document.querySelector('tr[data-kind=gauge] .line').getAttribute('d')"
        wait_until(lambda: "L" in browser.run(line))
        title = "return document.title"
        wait_until(lambda: heard(client) and browser.run(title).startswith("1 up"))
        assert browser.complaints() == []


@pytest.mark.parametrize(("status", "mark"), [("ok", "✓"), ("error", "✗"), ("stopped", "■")])
def test_a_plugin_that_ended_says_how(browser, own_collector, status, mark):
    """Its last values stay, grey, without a rate; nothing moves to another place."""
    with Client(own_collector) as first, Client(own_collector) as second:
        first.hello(task="a")
        report(first, 1, 7)
        second.hello("session-2", task="b")
        report(second, 1, 8)
        browser.visit(own_collector.url)
        wait_until(lambda: heard(first, second) and browser.texts(".state") == ["up", "up"])
        wait_until(lambda: heard(first, second) and row(browser, "fps")["now"].endswith("/s"))
        first.bye(status=status)

        def states():
            """A busy browser shows it only when it is seconds ago."""
            heard(second)
            return re.sub(r"\d+ s ago", "just now", ", ".join(browser.texts(".state")))

        wait_until(lambda: states() == f"ended: {status}, just now, up")
        assert browser.texts(".task") == ["a", "b"]
        wait_until(lambda: heard(second) and browser.text("#tally") == "1 up, 1 ended")
        assert row(browser, "movers")["now"] == "7"
        wait_until(lambda: row(browser, "fps")["now"] == "\u2013")
        assert row(browser, "frames")["last"] == "\u2013"
        script = "return getComputedStyle(document.querySelector('.state'), '::before').content"
        assert browser.run(script) == f'"{mark}"'


def test_a_plugin_that_says_nothing_is_not_green(browser, own_collector):
    """After 4 s it is silent, and its rates are not known; when it speaks it is up again."""
    colour = "return getComputedStyle(document.querySelector('.state')).color"
    with Client(own_collector) as client:
        client.hello(task="a")
        report(client, 1, 7)
        browser.visit(own_collector.url)
        wait_until(lambda: heard(client) and browser.text(".state") == "up")
        green = browser.run(colour)
        wait_until(lambda: browser.text(".state").startswith("silent for "))
        assert browser.run(colour) != green
        assert browser.text("#tally") == "0 up, 1 silent"
        wait_until(lambda: row(browser, "fps")["now"] == "\u2013")
        report(client, 2, 8)
        wait_until(lambda: heard(client) and browser.text(".state") == "up")
        wait_until(lambda: heard(client) and row(browser, "fps")["now"].endswith("/s"))


def test_a_hostile_name_is_text_and_nothing_else(browser, own_collector):
    """Markup, quotes, a reversed direction and the greatest length: shown, and without effect."""
    names = {"plugin": HOSTILE, "task": "x" * 200, "job": HOSTILE[::-1]}
    with Client(own_collector) as client:
        assert client.hello(**names)["type"] == "welcome"
        client.update(1, [counter("a", 1, place=HOSTILE)])
        client.flush()
        browser.visit(own_collector.url, width=390, height=844, phone=True)
        wait_until(lambda: row(browser, "a"))
        # Whatever an image's tag is cut off as, the rest is here letter by letter.
        shown = browser.run(
            "return [...document.querySelectorAll('.task, .image, .job')].map(e => e.textContent)"
        )
        assert shown[0] == names["task"]
        assert HOSTILE.startswith(shown[1]) and "<img src=x onerror=" in shown[1]
        assert shown[2] == f"job {names['job']}"
        assert browser.texts("tbody .labels")[0] == f'place="{HOSTILE}"'
        assert browser.run("return document.querySelectorAll('main img, main script').length") == 0
        assert "owned" not in browser.run("return document.title")
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
        assert browser.complaints() == []


def test_only_what_is_looked_at_is_drawn(browser, own_collector):
    """50 plugins of 20 timers, CPU and memory: rows on the screen have numbers, others wait."""
    clients = []
    try:
        for number in range(50):
            client = Client(own_collector)
            clients.append(client)
            client.hello(f"session-{number}", task=f"task-{number:02d}")
            client.update(1, [timer(f"t{i:02d}", {-56: 1}, 7_800_000) for i in range(20)])
        clients[-1].flush()
        browser.visit(own_collector.url)
        wait_until(lambda: browser.text("#fold") == "Unfold all")
        browser.press("f")
        rows = "return document.querySelectorAll('tbody tr').length"
        wait_until(lambda: browser.run(rows) == 1100)
        drawn = "return document.querySelectorAll('tbody td.now:not(:empty)').length"
        wait_until(lambda: browser.run(drawn) >= 20)
        assert browser.run(drawn) < 200
        browser.run("scrollTo(0, document.body.scrollHeight)")
        last = "return [...document.querySelectorAll('tbody td.now')].at(-1).textContent"
        wait_until(lambda: browser.run(last))
    finally:
        for client in clients:
            client.close()
