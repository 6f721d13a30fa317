"""How figures are written."""

import math

import pytest

from waggle_live_controller.top import figures
from waggle_live_controller.top.figures import NOTHING


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
        (None, NOTHING),
        (math.nan, NOTHING),
        (math.inf, NOTHING),
    ],
)
def test_durations_have_three_digits_and_a_unit(value, text):
    """Durations read as people write them; what nobody knows is a dash."""
    assert figures.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (3, "3"),
        (-2.0, "-2"),
        (1.5, "1.50"),
        (1e-7, "1e-07"),
        (1e20, "1e+20"),
        (0, "0"),
        (None, NOTHING),
    ],
)
def test_numbers_are_short(value, text):
    """Whole numbers are whole, others have three digits, and nothing breaks the column."""
    assert figures.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.0/s"), (24.96, "25.0/s"), (1.5e6, "1.5e+06/s"), (None, NOTHING)],
)
def test_rates_have_one_decimal(value, text):
    """And are known or a dash, never a zero for what isn't known."""
    assert figures.tenths(value, "/s") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.04, "0.0 s"),
        (99.9, "99.9 s"),
        (100, "2 min"),
        (7200, "2 h"),
        (200000, "2 d"),
        (None, NOTHING),
    ],
)
def test_ages_get_coarser(value, text):
    """A tenth of a second matters at first only."""
    assert figures.age(value) == text


def test_strangers_text_can_not_command_the_terminal():
    """Escape sequences and line ends show as what they are: nothing to print."""
    assert figures.clean("a\x1b[2Jb\n\u009bc é") == "a\ufffd[2Jb\ufffd\ufffdc é"


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0.0 %"), (0.0312, "3.1 %"), (0.0994, "9.9 %"), (0.0996, "10 %"), (3.5, "350 %")],
)
def test_shares_are_per_cent_of_one_core(share, text):
    """With one decimal where they are small."""
    assert figures.percent(share) == text
    assert figures.percent(None) == NOTHING


def test_sizes_are_in_megabytes():
    """What nobody told is a dash."""
    assert figures.megabytes(25_400_000) == "25 MB"
    assert figures.megabytes(None) == NOTHING


@pytest.mark.parametrize("value", [-0.0, -1e-12, 0.0])
def test_nothing_is_minus_zero(value):
    """A number that rounds to 0 has no sign."""
    written = [
        figures.seconds(value),
        figures.number(-0.0),
        figures.tenths(value),
        figures.percent(value),
        figures.megabytes(value),
        figures.age(value),
    ]
    assert written == ["0 ns", "0", "0.0", "0.0 %", "0 MB", "0.0 s"]
