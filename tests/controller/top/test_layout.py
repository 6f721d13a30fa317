"""How wide columns are, and which there are, on terminals of all widths."""

import pytest
from rich.cells import cell_len

from waggle_live_controller.top.history import History

from ..conftest import plugin, rate, timer
from .test_view import DETECT, gauge, node, text

TITLES = {
    40: "per s mean last",
    60: "per s mean p95 last",
    80: "count per s mean p95 last age trend",
    100: "count per s mean p95 last busy failed age trend",
    140: "kind count per s mean p95 last busy frame failed age trend range",
    200: "kind count per s mean p95 last busy frame failed age trend range",
    400: "kind count per s mean p95 last busy frame failed age trend range",
}


@pytest.mark.parametrize("width", TITLES)
def test_each_width_has_the_columns_that_fit(width):
    """Numbers are whole, and curves as wide as there is room, up to ten minutes."""
    history = History()
    for at in range(100, 900, 5):
        timers = [timer(mean=0.0123, p95=0.0456, count=at)]
        detect = dict(DETECT, timers=timers, rates=[rate(per_second=20.0 + at % 3)])
        shown = node(detect, history=history, at=float(at))
    drawn = text(shown, width=width, trend=True)
    assert max(map(cell_len, drawn)) < width
    assert " ".join(drawn[2].split()) == "instrument " + TITLES[width]
    assert "12.3 ms" in drawn[6]
    if width >= 60:
        assert "45.6 ms" in drawn[6]
    curve = max((len(part) for part in drawn[5].split() if set(part) <= set("▁▂▃▄▅▆▇█")), default=0)
    assert curve == {40: 0, 60: 0, 80: 8, 100: 12, 140: 14, 200: 74, 400: 120}[width]
    if width >= 140:
        assert drawn[5].endswith("20.0 … 22.0")


@pytest.mark.parametrize("width", [20, 24, 30])
def test_narrower_than_that_is_no_error(width):
    """The first figures stay whole."""
    drawn = text(node(DETECT), width=width, trend=True)
    assert max(map(cell_len, drawn)) < width
    assert drawn[5].endswith(" 25.0") or " 25.0 " in drawn[5]


def test_long_names_give_way_in_their_middle():
    """On a terminal they are cut, visibly; without one never."""
    long = plugin(gauges=[gauge("begin" + "a" * 30 + "end", 1)])
    assert text(node(long), width=80, trend=True)[5].startswith("beginaaaaa…aaaaaaend  ")
    assert ("begin" + "a" * 30 + "end  gauge") in text(node(long))[5]


@pytest.mark.parametrize(
    "name", ["检测-车辆", "cafe\u0301 \u0939\u093f", "🚗🚗", "❤\ufe0f👍🏽", "a\u200db"]
)
@pytest.mark.parametrize("width", [60, 80, 140])
def test_wide_letters_shift_no_row(name, width):
    """Each column ends in the same cell, in all rows."""
    gauges = [gauge(name, 1), gauge("plain", 1), gauge(name * 12, 1)]
    drawn = text(node(plugin(name * 9, gauges=gauges)), width=width, trend=True)
    rows = [line for line in drawn if line.rstrip().endswith("▄") or "  1" in line]
    ends = {cell_len(line[: line.rindex(" 1") + 2]) for line in rows[-3:]}
    assert len(ends) == 1
    assert max(map(cell_len, drawn)) < width
