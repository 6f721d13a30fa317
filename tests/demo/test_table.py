"""demo/table.py and demo/screen.py: what stands in the table and how it is drawn."""

import io
import math
import os

import pytest

from demo import screen, table
from demo.samples import Sample

LEFT = {"plugin": "mover-counter", "plugin_task": "left", "plugin_job": ""}


def sample(name, value, instrument="", **labels):
    own = {"name": instrument, **labels} if instrument else labels
    return Sample(name, {**LEFT, **own}, float(value))


SCRAPE = [
    Sample("waggle_node_info", {"node": "n"}, 1),
    sample("waggle_timer_seconds_bucket", 9, "inference", le="1"),
    sample("waggle_timer_seconds_count", 1234, "inference"),
    sample("waggle_timer_recent_mean_seconds", 0.00312, "inference"),
    sample("waggle_timer_recent_seconds", 9, "inference", q="0.5"),
    sample("waggle_timer_recent_seconds", 0.0123, "inference", q="0.95"),
    sample("waggle_timer_last_seconds", 0.000178, "inference"),
    sample("waggle_updated_timestamp_seconds", 999.75, "inference"),
    sample("waggle_rate_events_total", 250, "fps"),
    sample("waggle_rate_per_second", 25, "fps"),
    sample("waggle_rate_last_per_second", 24.96, "fps"),
    sample("waggle_value", 3, "movers"),
    sample("waggle_count_total", 7, "frames", moving="yes"),
    sample("waggle_plugin_up", 1),
    sample("waggle_plugin_cpu_seconds_total", 1.26),
]


def render(scrape):
    return table.render(table.read_plugins(scrape, now=1000.0))


def test_each_kind_fills_the_columns_that_it_has():
    """Rates, timers, gauges and counters stand in this order under the heading of their task."""
    assert render(SCRAPE) == [
        "instrument            kind      count  per s     mean      p95     last     age",
        "",
        "left: up, 1.3 s of CPU",
        "fps                   rate        250   25.0                     25.0/s",
        "inference             timer      1234         3.12 ms  12.3 ms   178 µs   0.2 s",
        "movers                gauge                                           3",
        'frames{moving="yes"}  counter       7',
    ]


def test_the_table_fits_80_columns():
    """Usual numbers leave the columns at the width of a usual terminal."""
    assert max(map(len, render(SCRAPE))) <= 79


def test_long_names_make_their_column_wider():
    """No cell is cut in the table itself; the columns stay in line."""
    lines = render([*SCRAPE, sample("waggle_value", -1.5, "a" * 30)])
    assert lines[0].index("kind") == 32
    assert any(line.startswith("a" * 30 + "  gauge") and "-1.50" in line for line in lines)


def test_a_plugin_without_series_has_a_heading():
    """What is only just connected, or gone, is to be seen."""
    assert render([sample("waggle_plugin_up", 0)])[1:] == ["", "left: gone"]
    assert render([]) == render(SCRAPE)[:1]


def test_a_declared_series_is_no_report():
    """Zeros that were only declared don't count as a sign of life; a first value does."""
    declared = [
        sample("waggle_timer_seconds_count", 0, "inference"),
        sample("waggle_rate_events_total", 0, "fps"),
        sample("waggle_rate_per_second", 0, "fps"),
    ]
    assert not table.read_plugins(declared, 0.0)["left"].has_reported
    declared[1] = sample("waggle_rate_events_total", 1, "fps")
    assert table.read_plugins(declared, 0.0)["left"].has_reported


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 ns"),
        (5e-9, "5 ns"),
        (178e-6, "178 µs"),
        (0.00312, "3.12 ms"),
        (0.0999, "99.9 ms"),
        (0.1, "100 ms"),
        (1.0, "1.00 s"),
        (123.4, "123 s"),
        (math.nan, "-"),
        (math.inf, "-"),
    ],
)
def test_durations_have_three_digits_and_a_unit(value, text):
    """Durations read as people write them."""
    assert table.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.0, "3"), (-2.0, "-2"), (1.5, "1.50"), (1e-7, "1e-07"), (math.nan, "nan"), (1e20, "1e+20")],
)
def test_numbers_are_short(value, text):
    """Whole numbers are whole, others have three digits, and nothing breaks the column."""
    assert table.number(value) == text


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_is_drawn_in_place(monkeypatch):
    """The second frame goes back over the first, clears what is longer, and is cut to size."""
    monkeypatch.setattr(screen.shutil, "get_terminal_size", lambda: os.terminal_size((5, 3)))
    terminal = Terminal()
    drawn = screen.Screen(terminal)
    drawn.draw(["a", "b"], 0.0)
    drawn.draw(["abcdefgh", "i", "too low"], 0.5)
    assert terminal.getvalue() == "a\x1b[K\nb\x1b[K\n\x1b[J" + "\x1b[2Fabcd\x1b[K\ni\x1b[K\n\x1b[J"


def test_a_pipe_gets_a_table_now_and_then():
    """Without a terminal there are no control characters, and not two tables a second."""
    pipe = io.StringIO()
    drawn = screen.Screen(pipe)
    for now in (100.0, 100.5, 104.9, 105.0):
        drawn.draw(["at %s" % now], now)
    assert pipe.getvalue() == "at 100.0\n\nat 105.0\n\n"
