"""The functions of a plugin on the page at / in a real browser."""

import pytest

from tests.collector.harness import Client, wait_until
from tests.collector.world import function

from .page_rows import HOSTILE, report


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


def test_the_most_expensive_functions_stand_below_the_instruments(browser, own_collector):
    """Five of a plugin under TAU, with a hostile name as text; nothing of one without."""
    cells = [function(f"f{n} [app.py:{n}]", n, n * 10**9) for n in range(1, 6)]
    cells += [function(HOSTILE, 1234, 20 * 10**9), function("__other__", 9, 5 * 10**9)]
    with Client(own_collector) as client, Client(own_collector) as without:
        client.hello(task="a")
        client.update(1, cells)
        report(client, 2, 7)
        without.hello("session-2", task="b")
        report(without, 1, 8)
        browser.visit(own_collector.url, width=390, height=844, phone=True)
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


def test_a_long_name_of_a_function_has_a_second_line(browser, own_collector):
    """So that the place at its end is seen; never more, so one plugin can't fill the page."""
    names = ["[PTHREAD] make_new_set [setobject.c:957]", "std::vector<T> " * 15]
    with Client(own_collector) as client:
        client.hello()
        client.update(1, [function(name, 1, 9 - n) for n, name in enumerate(names)])
        browser.visit(own_collector.url, width=1200, height=800)
        wait_until(lambda: functions(browser))
        script = (
            "return [...document.querySelectorAll('.functions .function')].map(({ scrollHeight:"
            " all, clientHeight: seen }) => [all <= seen, Math.round(seen / 17.5)])"
        )
        assert browser.run(script) == [[True, 2], [False, 2]]
        # Where no row fits the filter there is no table, and so but one line above them.
        browser.press("/", "set")
        wait_until(lambda: len(functions(browser)) == 1)
        assert browser.run("return document.querySelector('table').offsetHeight") == 0
