"""The benchmarks' own logic: what is compiled, judged and held to a limit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import bar, report, scrape, subjects, worker
from bench.results import Results, medians
from tests.waggle_live.helpers import cells

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


def test_growth_that_loses_is_over_the_bar():
    """A lost sample and a missing series fall short; a scrape that isn't linear does, too."""
    parts = [
        {"case": "changed", "subject": "%d %% of 600 timers changed" % part, "scrape_cpu_ms": ms}
        for part, ms in ((0, 1.0), (50, 4.0), (100, 5.0))
    ]
    lost = {"case": "hot loop", "subject": "counter.inc() without a pause", "lost": 1}
    missing = {"case": "sessions", "subject": "1000 sessions x 20 timers", "series": 19_999}
    found = Results([*parts, lost, missing])
    assert bar.bar(found).count("falls short") == 3


@pytest.mark.parametrize("subject", subjects.OURS, ids=lambda subject: subject.name)
def test_a_statement_of_ours_records_one_sample(subject, monkeypatch):
    """What is timed is what is promised: one more of the instrument's count, or its value."""
    monkeypatch.setenv("WAGGLE_LIVE_METRICS", "off")
    monkeypatch.setenv("WAGGLE_LIVE_TASK", subject.name)  # series of its own
    names, finish = subject.setup()
    run = worker.compiled(subject.statement, names)
    run(3)
    before = recorded(names["live"])
    run(7)
    after = recorded(names["live"])
    finish()
    changed = {key: after[key] - before[key] for key in after if after[key] != before[key]}
    if subject.group == "set" and "set(" in subject.statement:
        assert changed == {}
        assert after["gauge", "level"] == 1.5
    else:
        assert list(changed.values()) == [7]


def recorded(live):
    """Return the count or value of each series."""
    return {key[:2]: each.get("count", each.get("value")) for key, each in cells(live).items()}


def test_a_peer_that_is_not_there_is_named(monkeypatch, tmp_path):
    """The page says what was not measured, and which Debian package has it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    rows = [row for row in scrape.measured(1_000, "timer") if "missing" in row]
    machine = {"case": "machine", "subject": "", "python": "3", "system": "x", "cpus": 1}
    report.write([machine, *rows], tmp_path / "README.md")
    _, _, missing = (tmp_path / "README.md").read_text().partition("## Not measured")
    assert "prometheus-pushgateway is not installed (Debian: prometheus-pushgateway)" in missing


def test_the_page_is_what_was_measured(tmp_path):
    """Each figure of docs/benchmarks comes from the rows beside it."""
    pages = ROOT / "docs" / "benchmarks"
    lines = (pages / "results.jsonl").read_text(encoding="utf-8").splitlines()
    report.write([json.loads(line) for line in lines], tmp_path / "README.md")
    assert (tmp_path / "README.md").read_text() == (pages / "README.md").read_text()


def test_medians_of_rounds():
    """Rounds of one case and subject become one row; what is no measurement stays."""
    rounds = [{"case": "a", "subject": "x", "rate": 5, "cpu": cpu} for cpu in (3.0, 1.0, 2.0)]
    other = {"case": "a", "subject": "y", "missing": "not installed"}
    assert medians([*rounds, other]) == [dict(rounds[0], cpu=2.0), other]


SLOW = """
import sys
from time import perf_counter_ns
from bench import check
from waggle_live.instruments.timer import TimerSeries

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
