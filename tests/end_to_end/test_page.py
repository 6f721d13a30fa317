"""The page at / in a real browser, with real collectors behind it."""

import re
import subprocess
import sys

import pytest

from tests.browser import Browser
from tests.collector.harness import Client, CollectorProcess, start, wait_until
from tests.collector.web.test_config_served import ALICE, TLS, USERS, Served, authority
from tests.collector.world import counter, function, gauge, rate, timer

__all__ = ["authority"]  # a fixture, found by its name

HOSTILE = "<img src=x onerror=\"document.title='owned'\">'&`\u202egnp.<script>alert(1)</script>"


@pytest.fixture(scope="module")
def browser():
    with Browser("--ignore-certificate-errors") as running:  # those of the tests are their own
        yield running


@pytest.fixture()
def running():
    with start() as process:
        yield process


def report(client, number, value):
    """Send one of each kind."""
    cells = [
        timer("inference", {-56: 10 * number}, int(7.8e7 * number), last=7_800_000),
        rate("fps", 25 * number),
        gauge("movers", value),
        counter("frames", 25 * number, moving="yes"),
    ]
    client.update(number, cells)
    client.flush()


def row(browser, name):
    """Return the cells of an instrument: class to text."""
    return browser.run(
        "for (const tr of document.querySelectorAll('tbody tr'))"
        " if (tr.querySelector('.name').textContent === arguments[0])"
        "  return Object.fromEntries([...tr.children].map(e => [e.className, e.textContent]))",
        name,
    )


def test_numbers_appear_and_change(browser, running):
    """A value stands on the page, then the next one, and its way there as a curve."""
    with Client(running) as client:
        client.hello(plugin="waggle/counter", task="left", monotonic=0.0)
        report(client, 1, 3)
        browser.visit(running.url)
        wait_until(lambda: (row(browser, "movers") or {}).get("now") == "3")
        assert browser.text(".up") == "up"
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


def test_a_plugin_that_ended_is_shown_as_gone(browser, running):
    """Its last numbers stay, grey; nothing moves to another place."""
    with Client(running) as first, Client(running) as second:
        first.hello(task="a")
        report(first, 1, 7)
        second.hello("session-2", task="b")
        report(second, 1, 8)
        browser.visit(running.url)
        wait_until(lambda: browser.texts(".up") == ["up", "up"])
        first.bye()
        wait_until(lambda: browser.text(".plugin.gone .up").startswith("gone"))
        assert browser.texts(".task") == ["a", "b"]
        assert row(browser, "movers")["now"] == "7"
        assert browser.text("#tally") == "1 up, 1 gone"


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


def test_the_policy_would_stop_what_slips_through(browser, running):
    """Neither a string as HTML or as a handler, nor a style, nor a request elsewhere."""
    browser.visit(running.url)
    for attempt in (
        "document.body.innerHTML = '<img src=x onerror=alert(1)>'",
        "document.body.setAttribute('onclick', 'alert(1)')",
        "document.createElement('script').textContent = 'alert(1)'",
    ):
        assert browser.run(f"try {{ {attempt} }} catch {{ return 'refused' }}") == "refused"
    browser.run("document.body.setAttribute('style', 'color: rgb(1, 2, 3)')")
    assert browser.run("return getComputedStyle(document.body).color") != "rgb(1, 2, 3)"
    elsewhere = "return fetch('http://127.0.0.2:1/').then(() => 'sent', () => 'refused')"
    assert browser.run(elsewhere) == "refused"
    violations = " ".join(browser.complaints())
    for directive in ("require-trusted-types-for", "style-src-attr", "connect-src"):
        assert directive in violations


def test_nothing_is_asked_of_anybody_else(browser, running):
    """All that the page loads comes from this collector, and it loads the stream alone."""
    browser.visit(running.url)
    wait_until(lambda: browser.text("#state") == "live")
    loaded = browser.run("return performance.getEntriesByType('resource').map(e => e.name)")
    assert set(loaded) <= {running.url + "/api/v1/stream"}
    html = running.get("/")[2].decode()
    assert not re.search(r"""(src|href)=["'](https?:)?//""", html)


def test_the_empty_page_says_how_to_send_and_its_code_works(browser, running):
    """What stands there to be copied, run as it stands, brings the first numbers."""
    browser.visit(running.url)
    wait_until(lambda: browser.text("#empty h2"))
    assert running.socket_path in browser.text("#empty")
    code = browser.texts("#empty pre")[0].replace("python3", f"'{sys.executable}'")
    browser.run("document.querySelector('.copy').click()")
    wait_until(lambda: browser.texts(".copy")[0] == "Copied")
    with subprocess.Popen(["bash", "-c", f"exec env {code}"]) as process:
        try:
            wait_until(lambda: browser.text(".task") == "hello")
            wait_until(lambda: (row(browser, "nap") or {}).get("now", "").strip().endswith("ms"))
        finally:
            process.terminate()
    assert browser.texts("#empty h2") == []


def test_it_comes_back_with_the_collector(browser):
    """A banner while it is away, and why; then numbers again, without a reload."""
    with CollectorProcess().start() as collector:
        port = collector.url.rpartition(":")[2]
        collector.flags.append(f"--web.listen-address=127.0.0.1:{port}")
        browser.visit(collector.url)
        wait_until(lambda: browser.text("#state") == "live")
        browser.run("window.kept = true")
        with Client(collector) as client:
            client.hello()  # it will not return, and so be waited for
            client.flush()
            collector.terminate()
        wait_until(lambda: "can't be reached" in browser.text("#reason"))
        assert browser.text("#retry") == "Retry now"
        assert browser.text("#state") == "lost"
        for _ in range(5):  # a busy machine may miss the 2 s in which it is so
            collector.start(wait_ready=False)
            browser.run("document.querySelector('#retry').click()")
            wait_until(lambda: browser.text("#state") in ("live", "waiting"))
            if browser.text("#state") == "waiting":
                assert "started just now: waiting for 1 processes" in browser.text("#reason")
                break
            collector.terminate()
            wait_until(lambda: browser.text("#state") == "lost")
        else:
            pytest.fail("it never said that the collector was waiting")
        wait_until(lambda: browser.text("#state") == "live")
        assert browser.texts("#banner") == []
        assert browser.run("return window.kept")


def test_it_is_live_behind_tls_and_a_password(browser, tmp_path, authority):
    """The browser asks the stream with what it was given for the page."""
    with Served(tmp_path, TLS % "" + USERS) as served:
        wait_until(lambda: served.status(*ALICE, path="/-/ready") == 200)
        browser.visit(f"https://alice:secret@127.0.0.1:{served.port}/")
        wait_until(lambda: browser.text("#state") == "live")
        assert browser.complaints() == []


def test_it_is_worked_by_the_keyboard(browser, running):
    """j and k go from plugin to plugin, Enter folds, / filters, Escape ends that."""
    from selenium.webdriver.common.keys import Keys

    with Client(running) as first, Client(running) as second:
        first.hello(task="a")
        report(first, 1, 7)
        second.hello("session-2", task="b")
        second.update(1, [gauge("heat", 1)])
        second.flush()
        browser.visit(running.url)
        wait_until(lambda: browser.texts(".task") == ["a", "b"])
        focused = "return document.activeElement.textContent"
        browser.press("j")
        assert browser.run(focused).startswith("a")
        browser.press("j")
        assert browser.run(focused).startswith("b")
        browser.press(Keys.ENTER)
        assert browser.run("return document.activeElement.ariaExpanded") == "false"
        assert "heat" not in browser.texts("tbody .name")
        browser.press(Keys.ENTER, "k")
        assert browser.run(focused).startswith("a")
        browser.press("/", "heat")
        assert browser.texts("tbody .name") == ["heat"]
        assert browser.texts(".task") == ["b"]
        browser.press(Keys.ESCAPE)
        assert browser.texts(".task") == ["a", "b"]
        browser.press("t", "t")
        assert (
            browser.run("return getComputedStyle(document.documentElement).colorScheme") == "dark"
        )
        browser.press("t")


@pytest.mark.parametrize("phone", [True, False])
def test_it_fits_and_follows_the_eyes(browser, running, phone):
    """A phone scrolls down alone; light and dark as the system says; still where wished."""
    with Client(running) as client:
        client.hello(plugin="waggle/" + "long-name-" * 10, task="a-task-" * 12)
        report(client, 1, 1234567890)
        width = 360 if phone else 1280
        browser.visit(running.url, width=width, phone=phone, dark=phone, still=phone)
        wait_until(lambda: row(browser, "movers"))
        assert browser.run("return document.documentElement.scrollWidth") <= width
        paper = browser.run("return getComputedStyle(document.body).backgroundColor")
        assert (min(map(int, re.findall(r"\d+", paper)[:3])) < 100) == phone
        beat = "return getComputedStyle(document.querySelector('#state'), '::before').animationName"
        wait_until(lambda: browser.run(beat) == ("none" if phone else "beat"))


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
