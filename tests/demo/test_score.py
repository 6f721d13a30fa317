"""demo/score.py: what happens when, and how a deadline was met meanwhile."""

import pytest

from demo.score import Moment, Score, moment, percent
from waggle_live_controller.top.figures import NOTHING


def test_half_of_a_period_is_without_a_controller():
    """And in each half the load is there for three fifths, with quiet before and after it."""
    seen = [moment(second + 0.5, 20.0) for second in range(40)]
    assert seen[:20] == seen[20:]
    assert [each.acting for each in seen[:20]] == [False] * 10 + [True] * 10
    half = [False] * 2 + [True] * 6 + [False] * 2
    assert [each.loaded for each in seen[:20]] == half + half


def test_a_deadline_is_met_by_the_mean_of_each_look():
    """A look without a frame is late, and no time at all has no share."""
    score = Score(deadline=0.02)
    loaded = Moment(acting=False, loaded=True)
    score.add(loaded, seconds=0.5, frames=10, spent=0.2)
    score.add(loaded, seconds=0.5, frames=10, spent=0.201)
    score.add(loaded, seconds=1.0, frames=0, spent=0.0)
    assert score.of(acting=False, loaded=True).share == 0.25
    score.add(Moment(acting=False, loaded=False), seconds=2.0, frames=50, spent=0.5)
    assert score.of(acting=False).share == 0.625
    assert score.of(acting=True).share is None


def test_the_table_has_both_columns():
    """Shares, means and rates, and a dash for what did not happen."""
    score = Score(deadline=0.02)
    score.add(Moment(acting=False, loaded=True), seconds=10.0, frames=100, spent=5.0)
    score.add(Moment(acting=True, loaded=True), seconds=10.0, frames=250, spent=1.0)
    assert [line.split() for line in score.lines()] == [
        ["without", "with", "a", "controller"],
        ["deadline", "met", "0", "%", "100", "%"],
        ["under", "load", "0", "%", "100", "%"],
        ["mean", "under", "load", "50.0", "ms", "4.0", "ms"],
        ["frames/s", "under", "load", "10.0", "25.0"],
    ]
    assert NOTHING in "".join(Score(0.1).lines())


@pytest.mark.parametrize(
    ("share", "text"), [(None, NOTHING), (0.0, "0 %"), (0.934, "93 %"), (1.0, "100 %")]
)
def test_shares_are_whole_per_cents(share, text):
    """A dash where nothing is known."""
    assert percent(share) == text
