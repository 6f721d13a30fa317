"""What the page shows of plugins, in a real browser, with real collectors behind it."""

import pytest

from tests.collector.harness import Client, wait_until
from tests.collector.world import counter, function, timer

from .page_rows import report, row

HOSTILE = "<img src=x onerror=\"document.title='owned'\">'&`\u202egnp.<script>alert(1)</script>"


def test_numbers_appear_and_change(browser, running):
    """A value stands on the page, then the next one, and its way there as a curve."""
    with Client(running) as client:
        client.hello(plugin="waggle/counter", task="left", monotonic=0.0)
        report(client, 1, 3)
        browser.visit(running.url)
        wait_until(lambda: (row(browser, "movers") or {}).get("now") == "3")
        assert browser.text(".state") == "up"
        assert browser.text(".task") == "left"
        assert browser.text("#state") == "live"
        assert row(browser, "inference")["p95"].strip().endswith("ms")
        assert row(browser, "frames")["now"] == "25"
        report(client, 2, 1234)
        wait_until(lambda: row(browser, "movers")["now"] == "1234")
        line = "return document.querySelector('tr[data-kind=gauge] .line').getAttribute('d')"
        wait_until(lambda: "L" in browser.run(line))
        assert browser.run("return document.title").startswith("1 up")
        assert browser.complaints() == []


@pytest.mark.parametrize(("status", "mark"), [("ok", "✓"), ("error", "✗"), ("stopped", "■")])
def test_a_plugin_that_ended_says_how(browser, running, status, mark):
    """Its last values stay, grey, without a rate; nothing moves to another place."""
    with Client(running) as first, Client(running) as second:
        first.hello(task="a")
        report(first, 1, 7)
        second.hello("session-2", task="b")
        report(second, 1, 8)
        browser.visit(running.url)
        wait_until(lambda: browser.texts(".state") == ["up", "up"])
        wait_until(lambda: row(browser, "fps")["now"].endswith("/s"))
        first.bye(status=status)
        wait_until(lambda: browser.texts(".state") == [f"ended: {status}, just now", "up"])
        assert browser.texts(".task") == ["a", "b"]
        assert browser.text("#tally") == "1 up, 1 ended"
        assert row(browser, "movers")["now"] == "7"
        wait_until(lambda: row(browser, "fps")["now"] == "\u2013")
        assert row(browser, "frames")["last"] == "\u2013"
        script = "return getComputedStyle(document.querySelector('.state'), '::before').content"
        assert browser.run(script) == f'"{mark}"'


def test_a_plugin_that_says_nothing_is_not_green(browser, running):
    """After 4 s it is silent, and its rates are not known; when it speaks it is up again."""
    colour = "return getComputedStyle(document.querySelector('.state')).color"
    with Client(running) as client:
        client.hello(task="a")
        report(client, 1, 7)
        browser.visit(running.url)
        wait_until(lambda: browser.text(".state") == "up")
        green = browser.run(colour)
        wait_until(lambda: browser.text(".state").startswith("silent for "))
        assert browser.run(colour) != green
        assert browser.text("#tally") == "0 up, 1 silent"
        wait_until(lambda: row(browser, "fps")["now"] == "\u2013")
        report(client, 2, 8)
        wait_until(lambda: browser.text(".state") == "up")
        wait_until(lambda: row(browser, "fps")["now"].endswith("/s"))


def test_a_hostile_name_is_text_and_nothing_else(browser, running):
    """Markup, quotes, a reversed direction and the greatest length: shown, and without effect."""
    names = {"plugin": HOSTILE, "task": "x" * 200, "job": HOSTILE[::-1]}
    with Client(running) as client:
        assert client.hello(**names)["type"] == "welcome"
        client.update(1, [counter("a", 1, place=HOSTILE)])
        client.flush()
        browser.visit(running.url, width=390, height=844, phone=True)
        wait_until(lambda: row(browser, "a"))
        # Whatever an image's tag is cut off as, the rest is here letter by letter.
        shown = browser.run(
            "return [...document.querySelectorAll('.task, .image, .job')].map(e => e.textContent)"
        )
        assert shown[0] == names["task"]
        assert HOSTILE.startswith(shown[1]) and "<img src=x onerror=" in shown[1]
        assert shown[2] == f"job {names['job']}"
        assert browser.text("tbody .labels") == f'place="{HOSTILE}"'
        assert browser.run("return document.querySelectorAll('main img, main script').length") == 0
        assert "owned" not in browser.run("return document.title")
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
        assert browser.complaints() == []


def functions(browser):
    """Return what is shown of functions: the texts of each line's parts."""
    return browser.run(
        "return [...document.querySelectorAll('.functions li')].filter(e => e.checkVisibility())"
        " .map(e => ['function', 'part', 'time', 'calls']"
        "  .map(name => e.querySelector('.' + name).textContent.trim()))"
    )


def share_of_bar(browser):
    """Return how much of its track the first bar fills on the screen, 0 to 1."""
    return browser.run(
        "const width = name => document.querySelector(`.functions .${name}`)"
        ".getBoundingClientRect().width; return width('share') / width('track')"
    )


def test_the_most_expensive_functions_stand_below_the_instruments(browser, running):
    """Five of a plugin under TAU, with a hostile name as text; nothing of one without."""
    cells = [function(f"f{n} [app.py:{n}]", n, n * 10**9) for n in range(1, 6)]
    cells += [function(HOSTILE, 1234, 20 * 10**9), function("__other__", 9, 5 * 10**9)]
    with Client(running) as client, Client(running) as without:
        client.hello(task="a")
        client.update(1, cells)
        report(client, 2, 7)
        without.hello("session-2", task="b")
        report(without, 1, 8)
        browser.visit(running.url, width=390, height=844, phone=True)
        wait_until(lambda: functions(browser))
        assert functions(browser) == [
            [HOSTILE, "50.0 %", "20.0 s", "1234 calls"],
            *(
                [f"f{n} [app.py:{n}]", f"{n / 0.4:.1f} %", f"{n}.00 s", f"{n} calls"]
                for n in (5, 4, 3, 2)
            ),
        ]
        assert share_of_bar(browser) == pytest.approx(0.5, abs=0.01)
        assert browser.run("return document.querySelectorAll('main img, main script').length") == 0
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
        client.update(3, [function("f5 [app.py:5]", 1500, 35 * 10**9)])
        wait_until(lambda: functions(browser)[0][0] == "f5 [app.py:5]")
        assert functions(browser)[0][1:] == ["50.0 %", "35.0 s", "1500 calls"]
        browser.press("/", "py:1]")
        wait_until(lambda: functions(browser) == [["f1 [app.py:1]", "1.4 %", "1.00 s", "1 call"]])
        assert browser.texts(".task") == ["a"]
        browser.run("document.querySelector('#filter').blur()")
        browser.press("f")
        assert functions(browser) == []
        assert browser.complaints() == []


def test_a_long_name_of_a_function_has_a_second_line(browser, running):
    """So that the place at its end is seen; never more, so one plugin can't fill the page."""
    names = ["[PTHREAD] make_new_set [setobject.c:957]", "std::vector<T> " * 15]
    with Client(running) as client:
        client.hello()
        client.update(1, [function(name, 1, 9 - n) for n, name in enumerate(names)])
        browser.visit(running.url, width=1200, height=800)
        wait_until(lambda: functions(browser))
        script = (
            "return [...document.querySelectorAll('.functions .function')].map(({ scrollHeight:"
            " all, clientHeight: seen }) => [all <= seen, Math.round(seen / 17.5)])"
        )
        assert browser.run(script) == [[True, 2], [False, 2]]
        # No instrument, no table: but one line stands between the heading and them.
        assert browser.run("return document.querySelector('table').offsetHeight") == 0


def test_only_what_is_looked_at_is_drawn(browser, running):
    """50 plugins of 20 timers: rows on the screen have numbers, those far below wait."""
    clients = []
    try:
        for number in range(50):
            client = Client(running)
            clients.append(client)
            client.hello(f"session-{number}", task=f"task-{number:02d}")
            client.update(1, [timer(f"t{i:02d}", {-56: 1}, 7_800_000) for i in range(20)])
        clients[-1].flush()
        browser.visit(running.url)
        rows = "return document.querySelectorAll('tbody tr').length"
        wait_until(lambda: browser.run(rows) == 1000)
        drawn = "return document.querySelectorAll('tbody td.now:not(:empty)').length"
        wait_until(lambda: browser.run(drawn) >= 20)
        assert browser.run(drawn) < 200
        browser.run("scrollTo(0, document.body.scrollHeight)")
        last = "return [...document.querySelectorAll('tbody td.now')].at(-1).textContent"
        wait_until(lambda: browser.run(last))
    finally:
        for client in clients:
            client.close()
