"""The page at / in a real browser: what it asks for, how it comes back, how it is used."""

import re
import subprocess
import sys

import pytest

from tests.collector.harness import Client, CollectorProcess, wait_until
from tests.collector.web.test_config_served import ALICE, TLS, USERS, Served, authority
from tests.collector.world import gauge
from tests.programs import free_port

from .page_rows import report, row

__all__ = ["authority"]  # a fixture, found by its name


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
    """All that the page loads comes from this collector: changes, the past, and knobs."""
    browser.visit(own_collector.url)
    wait_until(lambda: browser.text("#state") == "live")
    loaded = browser.run("return performance.getEntriesByType('resource').map(e => e.name)")
    asked = {name.partition("?")[0].removeprefix(own_collector.url) for name in loaded}
    assert asked <= {"/api/v1/changes", "/api/v1/history", "/api/v1/knobs"}
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
    address = f"--web.listen-address=127.0.0.1:{free_port()}"
    with CollectorProcess(flags=[address]).start() as collector:
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
    """The browser asks for changes with what it was given for the page."""
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
