"""The benchmarks' own logic: what is compiled, judged and held to a limit."""

from time import perf_counter_ns

import pytest

from bench import bar, check, worker
from bench.results import Results
from waggle_live.spans import TimerSeries


def test_a_statement_runs_as_often_as_asked():
    """What is timed is the statement itself, so many times, with the names that it was given."""
    seen = []
    worker.compiled("note(value)", {"note": seen.append, "value": 3})(5)
    assert seen == [3] * 5


@pytest.mark.parametrize(
    "value, at_most, expected",
    [
        (3.2, True, "must"),
        (3.21, True, "**falls short**"),
        (2.6, True, "dream"),
        (float("nan"), True, "not measured"),
        (3.2, False, "dream"),
        (2.7, False, "must"),
        (2.5, False, "**falls short**"),
    ],
)
def test_verdicts(value, at_most, expected):
    """A figure meets the dream, the must, or falls short; what wasn't measured says so."""
    must, dream = (3.2, 2.6) if at_most else (2.6, 3.2)
    assert bar.verdict(value, must, dream, at_most) == expected


def test_the_bar_of_nothing():
    """A run in which nothing was measured claims nothing."""
    lines = bar.bar(Results([])).splitlines()[2:]
    assert len(lines) > 20
    assert all(line.endswith("| not measured |") for line in lines)


def test_a_slower_hot_path_is_noticed(monkeypatch):
    """A clock some 100 ns dearer puts each timer over its limit, and nothing else."""

    def slow():
        perf_counter_ns()
        return perf_counter_ns()

    monkeypatch.setattr(TimerSeries, "clock", staticmethod(slow))
    found = check.ratios()
    over = {name for name, limit in check.LIMITS.items() if found[name] > limit}
    assert {"with live.timer('x'): pass", "decorated(1)", "kept.start().stop()"} <= over
    assert not {"counter.inc()", "gauge.set(1.5)"} & over
