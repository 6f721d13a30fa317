"""The benchmarks' own logic: what is compiled, judged and held to a limit."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench import bar, worker
from bench.results import Results, medians

ROOT = Path(__file__).resolve().parents[2]


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


def test_medians_of_rounds():
    """Rounds of one case and subject become one row; what is no measurement stays."""
    rounds = [{"case": "a", "subject": "x", "rate": 5, "cpu": cpu} for cpu in (3.0, 1.0, 2.0)]
    other = {"case": "a", "subject": "y", "missing": "not installed"}
    assert medians([*rounds, other]) == [dict(rounds[0], cpu=2.0), other]


SLOW = """
import sys
from time import perf_counter_ns
from bench import check
from waggle_live.spans import TimerSeries

def slow():
    for _ in range(4):
        perf_counter_ns()
    return perf_counter_ns()

TimerSeries.clock = staticmethod(slow)
sys.exit(check.main())
"""


@pytest.mark.alone
def test_a_slower_hot_path_is_noticed():
    """A clock some 200 ns dearer puts each timer over its limit, and nothing else."""
    # In a process of its own, which no coverage slows down.
    done = subprocess.run(
        [sys.executable, "-c", SLOW], cwd=ROOT, capture_output=True, text=True, check=False
    )
    over = {line.split("  ")[0] for line in done.stdout.splitlines() if "<--" in line}
    assert done.returncode == 1, done.stderr
    assert {"with live.timer('x'): pass", "decorated(1)", "kept.start().stop()"} <= over
    assert not {"counter.inc()", "gauge.set(1.5)"} & over
