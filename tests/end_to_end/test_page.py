"""The page at / in a real browser, with real collectors behind it."""

import re
import subprocess
import sys

import pytest

from tests.collector.harness import Client, CollectorProcess, wait_until
from tests.collector.web.test_config_served import ALICE, TLS, USERS, Served, authority
from tests.collector.world import counter, gauge, rate, timer

__all__ = ["authority"]  # a fixture, found by its name

HOSTILE = "<img src=x onerror=\"document.title='owned'\">'&`\u202egnp.<script>alert(1)</script>"


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


def test_numbers_appear_and_change(browser, own_collector):
    """A value stands on the page, then the next one, and its way there as a curve."""
    with Client(own_collector) as client:
        client.hello(plugin="waggle/counter", task="left", monotonic=0.0)
        report(client, 1, 3)
        browser.visit(own_collector.url)
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


def test_a_plugin_that_ended_is_shown_as_gone(browser, own_collector):
    """Its last numbers stay, grey; nothing moves to another place."""
    with Client(own_collector) as first, Client(own_collector) as second:
        first.hello(task="a")
        report(first, 1, 7)
        second.hello("session-2", task="b")
        report(second, 1, 8)
        browser.visit(own_collector.url)
        wait_until(lambda: browser.texts(".up") == ["up", "up"])
        first.bye()
        wait_until(lambda: browser.text(".plugin.gone .up").startswith("gone"))
        assert browser.texts(".task") == ["a", "b"]
        assert row(browser, "movers")["now"] == "7"
        assert browser.text("#tally") == "1 up, 1 gone"


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
        assert browser.text("tbody .labels") == f'place="{HOSTILE}"'
        assert browser.run("return document.querySelectorAll('main img, main script').length") == 0
        assert "owned" not in browser.run("return document.title")
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
        assert browser.complaints() == []


def test_the_policy_would_stop_what_slips_through(browser, own_collector):
    """Neither a string as HTML or as a handler, nor a style, nor a request elsewhere."""
    browser.visit(own_collector.url)
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


def test_nothing_is_asked_of_anybody_else(browser, own_collector):
    """All that the page loads comes from this collector, and it loads the stream alone."""
    browser.visit(own_collector.url)
    wait_until(lambda: browser.text("#state") == "live")
    loaded = browser.run("return performance.getEntriesByType('resource').map(e => e.name)")
    assert set(loaded) <= {own_collector.url + "/api/v1/stream"}
    html = own_collector.get("/")[2].decode()
    assert not re.search(r"""(src|href)=["'](https?:)?//""", html)


def test_the_empty_page_says_how_to_send_and_its_code_works(browser, own_collector):
    """What stands there to be copied, run as it stands, brings the first numbers."""
    browser.visit(own_collector.url)
    wait_until(lambda: browser.text("#empty h2"))
    assert own_collector.socket_path in browser.text("#empty")
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


def test_it_is_worked_by_the_keyboard(browser, own_collector):
    """j and k go from plugin to plugin, Enter folds, / filters, Escape ends that."""
    from selenium.webdriver.common.keys import Keys

    with Client(own_collector) as first, Client(own_collector) as second:
        first.hello(task="a")
        report(first, 1, 7)
        second.hello("session-2", task="b")
        second.update(1, [gauge("heat", 1)])
        second.flush()
        browser.visit(own_collector.url)
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
def test_it_fits_and_follows_the_eyes(browser, own_collector, phone):
    """A phone scrolls down alone; light and dark as the system says; still where wished."""
    with Client(own_collector) as client:
        client.hello(plugin="waggle/" + "long-name-" * 10, task="a-task-" * 12)
        report(client, 1, 1234567890)
        width = 360 if phone else 1280
        browser.visit(own_collector.url, width=width, phone=phone, dark=phone, still=phone)
        wait_until(lambda: row(browser, "movers"))
        assert browser.run("return document.documentElement.scrollWidth") <= width
        paper = browser.run("return getComputedStyle(document.body).backgroundColor")
        assert (min(map(int, re.findall(r"\d+", paper)[:3])) < 100) == phone
        beat = "return getComputedStyle(document.querySelector('#state'), '::before').animationName"
        wait_until(lambda: browser.run(beat) == ("none" if phone else "beat"))


def test_only_what_is_looked_at_is_drawn(browser, own_collector):
    """50 plugins of 20 timers: rows on the screen have numbers, those far below wait."""
    clients = []
    try:
        for number in range(50):
            client = Client(own_collector)
            clients.append(client)
            client.hello(f"session-{number}", task=f"task-{number:02d}")
            client.update(1, [timer(f"t{i:02d}", {-56: 1}, 7_800_000) for i in range(20)])
        clients[-1].flush()
        browser.visit(own_collector.url)
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
