"""The page at / without a mouse: curves read by keys, letters that can be switched off."""

from tests.collector.harness import Client, wait_until
from tests.collector.world import function

from .page_rows import Plugins, fps, inference, report, row


def test_the_values_of_a_curve_are_read_by_keys(browser, own_collector):
    """Tab reaches one curve of a plugin, arrows the others and their values, told to who hears."""
    from selenium.webdriver.common.keys import Keys

    focused = (
        "const e = document.activeElement; return [e.getAttribute('role'), e.ariaLabel,"
        " Number(e.ariaValueNow), e.ariaValueText]"
    )
    with Plugins(own_collector, 1) as plugins:
        tell = lambda: plugins.report(fps, inference)  # noqa: E731
        browser.visit(own_collector.url)
        line = "return document.querySelectorAll('tbody .line[d*=L]').length"
        wait_until(lambda: tell() and browser.run(line) >= 2)
        browser.press("j", Keys.TAB)
        role, label, at, text = browser.run(focused)
        assert (role, label, at) == ("slider", "fps  over time", 100)
        assert text.endswith("/s  now")
        assert browser.text("#tip").endswith("now")
        browser.press(Keys.ARROW_DOWN, Keys.ARROW_LEFT)
        role, label, at, text = browser.run(focused)
        assert (label, at) == ("inference  over time", 99)
        assert "ms" in text and "p95" in text
        browser.press(Keys.HOME)
        assert browser.run(focused)[2:] == [0, "nothing is known"]
        browser.press(Keys.END, Keys.ESCAPE)
        assert browser.texts("#tip") == []
        browser.press(Keys.TAB)
        assert browser.run("return document.activeElement.closest('tbody')") is None
        stops = "return document.querySelectorAll('.reader[tabindex=\"0\"]').length"
        assert browser.run(stops) == 1


def test_letters_can_be_switched_off(browser, own_collector):
    """And stay off; the legend lists them, and Escape closes it."""
    from selenium.webdriver.common.keys import Keys

    with Client(own_collector) as client:
        client.hello(task="a")
        report(client, 1, 7)
        browser.visit(own_collector.url)
        wait_until(lambda: browser.text(".task") == "a")
        browser.press("?")
        assert "95\u00a0% of the durations" in browser.text("#legend")
        keys = set(browser.texts("#legend kbd"))
        assert keys >= set(browser.run("return Object.keys(KEYS)"))
        browser.run("document.querySelector('#letters').click()")
        browser.press("f", Keys.ESCAPE)
        assert browser.texts("#legend") == []
        browser.press("f", "?", "j", "/")
        assert browser.texts("#legend") == []
        assert row(browser, "movers")
        browser.visit(own_collector.url)
        wait_until(lambda: row(browser, "movers"))
        browser.press("f")
        assert browser.texts("tbody tr")
        browser.run("letters(true)")
        browser.press("f")
        assert browser.texts("tbody tr") == []


def test_a_screen_reader_finds_tables_with_headers(browser, own_collector):
    """Instruments, knobs and functions: each row has its header, each column its own."""
    knob = {"name": "size", "type": "int", "default": 1, "choices": [1, 2], "value": 1}
    with Client(own_collector) as client:
        client.hello(task="a")
        client.send(
            {"type": "knobs", "number": 1, "knobs": [{**knob, "source": "default", "revision": 0}]}
        )
        client.update(1, [function("f [app.py:1]", 3, 10**9)])
        report(client, 2, 7)
        browser.visit(own_collector.url)
        wait_until(lambda: browser.texts(".knobs li") and browser.texts(".functions li"))
        nodes = browser.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        by_role = {}
        for node in nodes:
            if not node["ignored"]:
                name = node.get("name", {}).get("value", "")
                by_role.setdefault(node["role"]["value"], []).append(name)
        assert by_role["table"] == [
            "Live values of a",
            "Knobs of a",
            "Most expensive functions of a, by tau",
        ]
        assert {"now", "p95", "busy", "frame", "value", "held by", "calls"} <= set(
            by_role["columnheader"]
        )
        assert {"fps", "size", "f [app.py:1]"} <= set(by_role["rowheader"])
