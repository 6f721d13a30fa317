"""Curves of odd numbers, in a real browser."""

import json
import re

import pytest

from tests.collector.harness import Client, wait_until
from tests.collector.world import gauge

from .page_rows import row

#: The largest and least numbers, and some that single precision can't hold.
CONSTANTS = [0.1 + 0.2, 123456789.123, 1e300, -1.7e308, 1e-300, 5e-324, 1e15, 0, -7]
LINES = (
    "const rows = [...document.querySelectorAll('tbody tr[data-kind=gauge]')];"
    "const line = tr => tr.querySelector('.line').getAttribute('d') ?? '';"
    "return Object.fromEntries(rows.map(tr => [tr.row.name, line(tr)]));"
)


@pytest.fixture()
def odd(own_collector):
    """Return a function that reports the numbers again, after the collector has kept some."""
    with Client(own_collector) as client:
        client.hello()
        number = 0

        def report():
            nonlocal number
            number += 1
            cells = [gauge(f"g{place}", value) for place, value in enumerate(CONSTANTS)]
            # The page asks once a second: in time with it, each answer would have the same sign.
            cells.append(gauge("wide", 1.7e308 * (-1) ** (number // 3)))
            client.update(number, cells)
            client.flush()
            return True

        def is_kept():
            (plugin,) = json.loads(own_collector.get("/api/v1/history")[2])["plugins"]
            return any(each["values"] for each in plugin["series"])

        wait_until(lambda: report() and is_kept(), every=0.5)
        yield report


def test_a_number_that_stays_is_a_level_line(browser, own_collector, odd):
    """However large, small or long it is: what is kept of it in fewer digits is no step."""
    browser.visit(own_collector.url)

    def heights():
        """Return those of each curve, once that of both signs has both."""
        odd()
        # A gap begins a stretch anew, and a lone point is a short line: "M1.0 15.0h.01M2.0 15.0L…".
        found = {
            name: set(map(float, re.findall(r"[ML][-\d.]+ ([-\d.]+)", line)))
            for name, line in browser.run(LINES).items()
        }
        return {1.5, 28.5} <= found.get("wide", set()) and found

    found = wait_until(heights, every=0.5)
    for place, value in enumerate(CONSTANTS):
        assert found[f"g{place}"] == {15.0}, value
    assert row(browser, "g1")["now"] == "123 M"
    assert browser.complaints() == []


def test_a_counter_goes_on_where_the_collectors_curve_ends(browser, own_collector):
    """Of its first number no rise is known yet: the step in which it came is no gap even so."""
    browser.visit(own_collector.url)
    values = browser.run(
        "const row = new Row('counters', { name: 'n', labels: {} });"
        "row.history.fill(100, [5, 6, 7]);"
        "const tell = (time, total) => row.take({ total, age: 0 }, time, time, true, null);"
        "tell(104.9, 0); tell(105.9, 8); tell(106.9, 16);"
        "return [...row.history.since(90)].map(sample => sample[1]);"
    )
    assert values == [5, 6, 7, 8, 8]
