"""A page that is left open: hidden, in many tabs, over a sleep, while plugins come and go."""

import contextlib
import os
import signal
import threading
from pathlib import Path

import pytest

from tests.collector.harness import Client, CollectorProcess, wait_until
from tests.collector.world import gauge

from .page_rows import Reporter, is_live, level

#: More tabs than a browser has connections to one host.
TABS = 8


@pytest.fixture()
def reporter(own_collector):
    with Client(own_collector) as client:
        yield Reporter(client)


def test_many_tabs_hold_up_nobody(browser, own_collector, reporter):
    """Each is live when it is looked at; hidden ones ask for nothing."""
    reporter.set(1)
    driver = browser.driver
    first = driver.current_window_handle
    try:
        for _ in range(TABS):
            driver.switch_to.new_window("tab")
            driver.get(own_collector.url)
            wait_until(lambda: level(browser) == "1" and is_live(browser))
        reporter.set(2)
        for handle in driver.window_handles[1:]:
            driver.switch_to.window(handle)
            wait_until(lambda: level(browser) == "2" and is_live(browser))
        assert own_collector.get("/metrics")[0] == 200
        status = browser.run("return fetch('/metrics').then(answer => answer.status)")
        assert status == 200
    finally:
        for handle in driver.window_handles:
            if handle != first:
                driver.switch_to.window(handle)
                driver.close()
        driver.switch_to.window(first)


def test_nobody_asks_for_a_page_that_nobody_sees(browser, own_collector, reporter):
    """Hidden, it asks for nothing and its title says so; seen again, it is right at once."""
    reporter.set(1)
    browser.visit(own_collector.url)
    wait_until(lambda: level(browser) == "1" and is_live(browser))
    hide = (
        "const [hidden] = arguments;"
        "Object.defineProperty(document, 'hidden', { get: () => hidden, configurable: true });"
        "document.dispatchEvent(new Event('visibilitychange'));"
    )
    # Not the browser's entries: it adds those of an aborted question a little later.
    browser.run(
        "const { fetch } = window; window.asked = 0;"
        "window.fetch = (...given) => { asked += 1; return fetch(...given) }"
    )
    browser.run(hide, True)
    assert browser.text("#state") == "paused"
    assert browser.run("return document.title").startswith("paused")
    asked = "return window.asked"
    before = browser.run(asked)
    reporter.set(2)
    threading.Event().wait(2.5)
    assert browser.run(asked) == before
    assert level(browser) == "1"
    browser.run(hide, False)
    wait_until(lambda: level(browser) == "2" and is_live(browser))


def renderers(browser):
    """Return the pids of the browser's processes that run pages."""
    found, service = [], browser.driver.service.process.pid
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
            if b"--type=renderer" in command and service in ancestors(entry.name):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def ancestors(pid):
    """Yield the parents of a process."""
    while int(pid) > 1:
        status = Path(f"/proc/{pid}/status").read_text()
        pid = status.partition("PPid:")[2].split()[0]
        yield int(pid)


def tell(pids, number):
    """Send a signal to processes; the browser ends one that it has in reserve when it likes."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def test_it_wakes_with_the_laptop(browser, own_collector, reporter):
    """A page whose process was stopped for a while is right soon after it goes on."""
    reporter.set(1)
    browser.visit(own_collector.url)
    wait_until(lambda: level(browser) == "1" and is_live(browser))
    pids = renderers(browser)
    assert pids
    tell(pids, signal.SIGSTOP)
    try:
        reporter.set(2)
        threading.Event().wait(5)
    finally:
        tell(pids, signal.SIGCONT)
    wait_until(lambda: level(browser) == "2" and is_live(browser))


def test_curves_keep_their_place_over_a_sleep(browser, own_collector, reporter):
    """A browser's clock may stand still in one: the collector's tells how long it was."""
    reporter.set(1)
    browser.visit(own_collector.url)
    wait_until(lambda: level(browser) == "1" and is_live(browser))
    slept = "const [then, ours] = clock.heard; clock.heard = [then - 100, ours]; return clock.now()"
    before = browser.run(slept)
    wait_until(lambda: browser.run("return clock.now()") > before + 99)
    assert browser.run("return clock.now()") < before + 130
    wait_until(lambda: is_live(browser))


def test_what_comes_and_goes_leaves_nothing_behind(browser):
    """Plugins, five at a time: neither elements nor memory of the page grow."""
    with CollectorProcess(hold_time=0.2).start() as collector:
        browser.visit(collector.url)

        def heap():
            browser.driver.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
            return browser.run("return performance.memory.usedJSHeapSize")

        sizes = []
        for generation in range(5):
            clients = [Client(collector) for _ in range(5)]
            for place, client in enumerate(clients):
                client.hello(f"session-{generation}-{place}", task=f"task-{generation}-{place}")
                client.update(1, [gauge(f"g{n}", n, place=str(generation)) for n in range(20)])
                client.flush()
            name = f"task-{generation}-4"
            wait_until(lambda name=name: name in browser.texts(".task"))
            for client in clients:
                client.bye()
                client.close()
            wait_until(lambda: not browser.texts(".task"))
            sizes.append((browser.run("return document.querySelectorAll('*').length"), heap()))
        elements, sizes = zip(*sizes)
        assert len(set(elements[1:])) == 1
        assert min(sizes[-2:]) < 1.2 * max(sizes[1:3])
