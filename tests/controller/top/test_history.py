"""What was seen before: curves, and rates of sums."""

import pytest

from waggle_live_controller.top.history import LENGTH, History, sparkline


def test_a_sum_has_a_rate_from_the_second_poll_on():
    """Over the last 10 s, whatever the polls' distance."""
    history = History()
    assert history.per_second("a", 0.0, 100) is None
    assert history.per_second("a", 2.0, 110) == 5
    for second in range(3, 60):
        history.per_second("a", float(second), 110)
    assert history.per_second("a", 60.0, 110) == 0


def test_a_sum_that_fell_or_is_unknown_begins_anew():
    """A restart is no negative rate, and a gap is not bridged."""
    history = History()
    history.per_second("a", 0.0, 100)
    assert history.per_second("a", 1.0, 1) is None
    assert history.per_second("a", 2.0, 3) == 2
    assert history.per_second("a", 3.0, None) is None
    assert history.per_second("a", 4.0, 5) is None
    assert history.per_second("a", 4.0, 5) is None


def test_values_are_bounded_and_forgotten():
    """So many polls of those that are still there."""
    history = History()
    for value in range(LENGTH + 5):
        values = history.add("a", value)
    assert values == list(range(5, LENGTH + 5))
    history.add("b", None)
    history.per_second("a", 0.0, 1)
    history.keep({"b"})
    assert history.add("a", 1) == [1]
    assert history.add("b", 2) == [None, 2]
    assert history.per_second("a", 1.0, 2) is None


@pytest.mark.parametrize(
    ("values", "width", "text"),
    [
        ([0, 1, 2, 4, 7, 8], 6, "▁▂▃▅██"),
        ([5, 5], 4, "  ██"),
        ([0, 0], 2, "▁▁"),
        ([None, 1, None, 1], 4, " █ █"),
        ([-4, 0, 4], 3, "▁▅█"),
        ([1, 2, 4], 2, "▅█"),
        ([None], 1, " "),
        ([], 3, "   "),
        ([1], 0, ""),
    ],
)
def test_a_curve_stands_on_zero_and_shows_gaps(values, width, text):
    """What is not known is empty and not low."""
    assert sparkline(values, width) == text
