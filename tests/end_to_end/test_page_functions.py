"""The functions of a plugin on the page at / in a real browser."""

import pytest

from tests.collector.harness import Client, wait_until
from tests.collector.world import function, sampled

from .page_rows import HOSTILE, report


def functions(browser):
    """Return what is shown of functions: the texts of each line's parts."""
    return lines(browser, "li")


def titles(browser):
    """Return what stands above them."""
    return lines(browser, "p")


def lines(browser, kind):
    """Return the texts of the parts of some lines."""
    return browser.run(
        "return [...document.querySelectorAll('.functions ' + arguments[0])]"
        " .filter(e => e.checkVisibility())"
        " .map(e => ['function', 'share', 'exclusive_cpu', 'exclusive', 'inclusive', 'calls']"
        "  .map(name => e.querySelector('.' + name).textContent.trim()))",
        kind,
    )


def share_of_bar(browser):
    """Return how much of its track the first bar fills on the screen, 0 to 1."""
    return browser.run(
        "const width = name => document.querySelector(`.functions .${name}`)"
        ".getBoundingClientRect().width; return width('part') / width('track')"
    )


def test_the_most_expensive_functions_stand_below_the_instruments(browser, own_collector):
    """Five of a plugin under TAU, with a hostile name as text; nothing of one without.

    Threads that only wait are no part of the whole.
    """
    cells = [function(f"f{n} [app.py:{n}]", n, n * 10**9) for n in range(1, 6)]
    cells += [function(HOSTILE, 1234, 20 * 10**9), function("__other__", 9, 5 * 10**9)]
    cells += [function("__idle__", 3, 10**12)]
    with Client(own_collector) as client, Client(own_collector) as without:
        client.hello(task="a")
        client.update(1, cells)
        report(client, 2, 7)
        without.hello("session-2", task="b")
        report(without, 1, 8)
        browser.visit(own_collector.url, width=390, height=844, phone=True)
        wait_until(lambda: functions(browser))
        assert functions(browser) == [
            [HOSTILE, "50.0 %", "", "20.0 s", "0 s", "1234"],
            *(
                [f"f{n} [app.py:{n}]", f"{n / 0.4:.1f} %", "", f"{n}.00 s", "0 s", str(n)]
                for n in (5, 4, 3, 2)
            ),
        ]
        assert titles(browser) == [
            ["functions (tau)", "of wall", "", "exclusive", "inclusive", "calls"]
        ]
        assert share_of_bar(browser) == pytest.approx(0.5, abs=0.01)
        assert browser.run("return document.querySelectorAll('main img, main script').length") == 0
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
        client.update(3, [function("f5 [app.py:5]", 1500, 35 * 10**9)])
        wait_until(lambda: functions(browser)[0][0] == "f5 [app.py:5]")
        assert functions(browser)[0][1:] == ["50.0 %", "", "35.0 s", "0 s", "1500"]
        browser.press("/", "py:1]")
        one = ["f1 [app.py:1]", "1.4 %", "", "1.00 s", "0 s", "1"]
        wait_until(lambda: functions(browser) == [one])
        assert browser.texts(".task") == ["a"]
        browser.run("document.querySelector('#filter').blur()")
        browser.press("f")
        assert functions(browser) == []
        assert browser.complaints() == []


def test_each_profiler_has_a_list_of_its_own(browser, own_collector):
    """The sampler's shares are of the work, so who waits the longest is no part of them."""
    cells = [sampled("waits", 0, 9 * 10**9), sampled("works", 3 * 10**9, 4 * 10**9, 5 * 10**9)]
    cells += [sampled("__other__", 10**9, 10**9)]
    cells += [function("f", 2, 10**9, throttled=True)]
    with Client(own_collector) as client:
        client.hello()
        client.update(1, cells)
        browser.visit(own_collector.url, width=1200, height=800)
        wait_until(lambda: functions(browser))
        assert titles(browser) == [
            ["functions (tau)", "of wall", "", "exclusive", "inclusive", "calls"],
            ["functions (sampler)", "share", "CPU", "exclusive", "inclusive", ""],
        ]
        assert functions(browser) == [
            ["f (throttled)", "100.0 %", "", "1.00 s", "0 s", "2"],
            ["works", "75.0 %", "3.00 s", "4.00 s", "5.00 s", ""],
            ["waits", "0.0 %", "0 s", "9.00 s", "\u2013", ""],
        ]
        assert browser.complaints() == []


def test_a_long_name_of_a_function_has_a_second_line(browser, own_collector):
    """The place at its end stands there; never more, so one plugin can't fill the page."""
    names = ["[PTHREAD] make_new_set [setobject.c:957]", "std::vector<T> " * 15 + "[a.cc:12]"]
    with Client(own_collector) as client:
        client.hello()
        client.update(1, [function(name, 1, 9 - n) for n, name in enumerate(names)])
        browser.visit(own_collector.url, width=1200, height=800)
        wait_until(lambda: functions(browser))
        script = (
            "return [...document.querySelectorAll('.functions li .function')]"
            ".map(e => [Math.round(e.clientHeight / 17.5), e.dataset.tail, e.textContent])"
        )
        places = ("[setobject.c:957]", "[a.cc:12]")
        assert browser.run(script) == [
            [2, at, name] for at, name in zip(places, names, strict=True)
        ]
        # Where no row fits the filter there is no table, and so but one line above them.
        browser.press("/", "set")
        wait_until(lambda: len(functions(browser)) == 1)
        assert browser.run("return document.querySelector('table').offsetHeight") == 0
