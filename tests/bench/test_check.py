"""The check of CI: what is dearer than its limit is noticed."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.check import costs
from bench.check.__main__ import TRIES, held

ROOT = Path(__file__).resolve().parents[2]

SLOW = """
import sys
from time import perf_counter_ns
from bench.check import calls
from bench.check.__main__ import held
from waggle_live.instruments.timer import TimerSeries

def slow():
    for _ in range(4):
        perf_counter_ns()
    return perf_counter_ns()

TimerSeries.clock = staticmethod(slow)
sys.exit(not held(calls.ratios, calls.LIMITS))
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


def test_the_best_of_the_tries_counts(capsys):
    """One slow try fails nothing; what is over its limit in each try is named, and it alone."""
    slow_once = iter([{"a": 3.0, "b": 0.9}, {"a": 0.8, "b": 1.5}])
    assert held(lambda: next(slow_once), {"a": 1.0, "b": 1.0})
    assert "<--" not in capsys.readouterr().out
    always = iter([{"a": 3.0, "b": 0.9}] * TRIES)
    assert not held(lambda: next(always), {"a": 1.0, "b": 1.0})
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "<--" in line]
    assert line.startswith("a ")


def test_the_collector_s_costs_are_found(monkeypatch):
    """A few turns against a real collector give a ratio for each limit."""
    monkeypatch.setattr(costs, "TURNS", 2)
    monkeypatch.setattr(costs, "PLUGINS", 1)
    monkeypatch.setattr(costs, "SESSIONS", 10)
    monkeypatch.setattr(costs, "SCRAPES", 2)
    found = costs.ratios()
    assert set(found) == set(costs.LIMITS)
    assert all(0 < ratio < 100 for ratio in found.values()), found
