"""What the page says when it isn't live, and how it becomes right again by itself."""

import http.server
import json
import signal
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

from tests.collector.harness import Client, CollectorProcess, wait_until
from tests.collector.world import gauge
from tests.programs import free_port

from .page_rows import Reporter, is_live, level, row


@pytest.fixture()
def reporter(own_collector):
    with Client(own_collector) as client:
        yield Reporter(client)


def test_its_curves_stand_when_it_is_opened(browser, own_collector, reporter):
    """What the collector kept is there at once, before anything was seen here."""

    def is_kept():
        reporter.set(7)
        (plugin,) = json.loads(own_collector.get("/api/v1/history")[2])["plugins"]
        return any(each["kind"] == "gauge" and each["values"] for each in plugin["series"])

    wait_until(is_kept, every=0.5)
    browser.visit(own_collector.url)
    known = (
        "const history = [...sections.values()][0]?.rows.get('gauges level {}').history;"
        "return [...history?.since(-Infinity) ?? []].filter(each => each[1] === 7)"
        ".map(each => each[0] - opened)"
    )
    wait_until(lambda: min(browser.run(known), default=0) < 0)


def test_a_collector_that_hangs_is_not_live(browser, own_collector, reporter):
    """The values are dimmed and the page says of when they are; it goes on by itself."""
    reporter.set(1)
    browser.visit(own_collector.url)
    wait_until(lambda: level(browser) == "1" and is_live(browser))
    colour = "return getComputedStyle(document.querySelector(arguments[0])).color"
    shown = ("td.now", ".state")
    bright = [browser.run(colour, each) for each in shown]
    own_collector.signal(signal.SIGSTOP)
    try:
        wait_until(lambda: browser.text("#state") == "lost")
        assert "doesn't answer. What is shown is of " in browser.text("#reason")
        dimmed = [browser.run(colour, each) for each in shown]
        assert dimmed[0] == dimmed[1] and not set(dimmed) & set(bright)
        assert browser.run("return document.title").startswith("not connected")
    finally:
        own_collector.signal(signal.SIGCONT)
    reporter.set(2)
    wait_until(lambda: level(browser) == "2" and is_live(browser))
    assert browser.texts("#banner") == []


def test_what_no_longer_exists_leaves_the_page(browser):
    """A collector that begins anew knows no series of before; neither does the page then."""
    address = f"--web.listen-address=127.0.0.1:{free_port()}"
    with CollectorProcess(state_file=False, flags=[address]).start() as collector:
        with Client(collector) as client:
            client.hello()
            client.update(1, [gauge("level", 1), gauge("old", 1)])
            client.flush()
            browser.visit(collector.url)
            wait_until(lambda: row(browser, "old"))
            browser.run("window.kept = true")
            collector.kill()
        collector.start()
        with Client(collector) as client:
            client.hello("session-2")
            client.update(1, [gauge("level", 2)])
            client.flush()
            wait_until(lambda: level(browser) == "2" and is_live(browser))
            assert row(browser, "old") is None
            assert browser.run("return window.kept")


@contextmanager
def buffering_proxy(url):
    """A proxy that passes on no answer before it has the whole."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            try:
                answer = urllib.request.urlopen(url + self.path, timeout=20)
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                body = answer.read()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in ("connection", "server", "date"):
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_proxy_that_buffers_is_no_harm(browser, own_collector, reporter):
    """No answer is one that never ends."""
    with buffering_proxy(own_collector.url) as url:
        reporter.set(1)
        browser.visit(url)
        wait_until(lambda: level(browser) == "1" and is_live(browser))
        reporter.set(2)
        wait_until(lambda: level(browser) == "2" and is_live(browser))
        browser.visit("about:blank")


def test_an_update_of_the_collector_loads_the_page_anew(browser):
    """A page that was left open becomes that of the collector that runs now, once."""
    address = f"--web.listen-address=127.0.0.1:{free_port()}"
    with CollectorProcess(flags=[address]).start() as collector:
        browser.visit(collector.url)
        wait_until(lambda: is_live(browser))
        browser.run("window.kept = true")
        collector.terminate()
        collector.flags.append("--web.telemetry-path=/m/etrics")  # a fact that the page tells
        collector.start()
        wait_until(lambda: not browser.run("return window.kept ?? false") and is_live(browser))
        assert browser.run("return document.querySelector('a[href$=\"m/etrics\"]') !== null")
        # A proxy that keeps an old page makes no loop of it.
        browser.run("feed.build = 'another'; window.kept = true")
        asked = "return performance.getEntriesByType('resource').length"
        before = browser.run(asked)
        wait_until(lambda: browser.run(asked) > before + 3)
        assert browser.run("return window.kept") and is_live(browser)
