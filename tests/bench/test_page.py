"""What is written from the rows: targets, tables, and the figures of docs/guides/fleet.md."""

import json
from pathlib import Path

import pytest

from bench import scrape
from bench.page import bar, fleet, report
from bench.page.results import Results, medians

ROOT = Path(__file__).resolve().parents[2]
MACHINE = {"case": "machine", "subject": "", "python": "3", "system": "x", "cpus": 1}


@pytest.mark.parametrize(
    "value, at_most, expected",
    [
        (3.2, True, "met"),
        (3.21, True, "not met"),
        (3.2, False, "met"),
        (3.19, False, "not met"),
        (float("nan"), True, "not measured"),
        (float("nan"), False, "not measured"),
    ],
)
def test_verdicts(value, at_most, expected):
    """A figure meets its target or not; what wasn't measured says so."""
    assert bar.Target("what", value, 3.2, at_most).verdict() == expected


def test_the_targets_of_nothing():
    """A run in which nothing was measured claims nothing."""
    lines = bar.bar(Results([])).splitlines()[2:]
    assert len(lines) > 20
    assert all(line.endswith("| not measured |") for line in lines)


def test_growth_that_loses_is_not_met():
    """A lost sample and a missing series meet no target; a scrape that isn't linear neither."""
    parts = [
        {"case": "changed", "subject": "%d %%" % part, "part": part / 100, "scrape_cpu_ms": ms}
        for part, ms in ((0, 1.0), (50, 4.0), (100, 5.0))
    ]
    lost = {"case": "hot loop", "subject": "counter.inc() without a pause", "lost": 1}
    missing = {"case": "sessions", "subject": "1000 sessions x 20 timers", "series": 19_999}
    found = bar.targets(Results([*parts, lost, missing]))
    assert [each.verdict() for each in found].count("not met") == 3
    assert [each.verdict() for each in found].count("met") == 0


KEPT = {
    "samples": 1200,
    "series": 1205,
    "bytes": 148_000,
    "gzip_bytes": 10_000,
    "wal_bytes": 9_000,
    "chunk_bytes": 2_000,
    "index_bytes": 100_000,
    "remote_write_bytes": 22_000,
}
ONE = {"nodes": 1, "percent_of_a_core": 1.0, "mib": 60.0, "series": 1205}
MANY = {"nodes": 100, "percent_of_a_core": 5.0, "mib": 258.0, "series": 120_500}


def forms(**native):
    """Return rows of two forms; what is given is of the native one."""
    rows = []
    for subject, more in (("text", {}), ("native, live=0", native)):
        rows.append({"case": "kept", "subject": subject, **KEPT, **more})
        for size in (ONE, MANY):
            rows.append({"case": "fleet", "subject": subject, **size, "samples_per_s": 8000})
    return rows


def test_native_histograms_are_held_to_ratios():
    """Samples and series of the text over those of the native form."""
    found = bar.kept(Results(forms(samples=300, series=200)))[:3]
    assert [each.value for each in found] == [4.0, 1205 / 200, 1.0]
    assert [each.verdict() for each in found] == ["met", "not met", "not met"]


def test_months_are_computed_from_one_and_from_a_hundred():
    """Bytes are those of a node, multiplied; memory grows by what a node of a hundred adds."""
    lines = fleet.months(Results(forms())).splitlines()[2:]
    assert len(lines) == 3 * 2
    text = [line for line in lines if "`text`" in line]
    assert text[0] == "| 1 | `text` | 1.73 GB | 3.8 GB | 382 MB | 60 MiB |"
    assert text[1] == "| 100 | `text` | 173 GB | 380 GB | 38.2 GB | 258 MiB |"
    assert text[2] == "| 10,000 | `text` | 17.3 TB | 38 TB | 3.82 TB | 19.6 GiB |"


@pytest.mark.parametrize(
    "number, expected",
    [(0, "0 B"), (999, "999 B"), (999.6, "1 kB"), (1_450, "1.45 kB"), (2.5e16, "25000 TB")],
)
def test_quantities(number, expected):
    """Bytes have three digits and a unit; the largest unit takes all that is larger."""
    assert fleet.quantity(number) == expected


def test_figures_are_put_between_the_marks(tmp_path):
    """What is around them stays; a page without the marks is an error, and stays as it is."""
    page = tmp_path / "fleet.md"
    page.write_text("before\n" + fleet.BEGIN + "old\n" + fleet.END + "after\n")
    for _ in range(2):
        fleet.write(forms(), page)
    text = page.read_text()
    assert text.startswith("before\n" + fleet.BEGIN + "|")
    assert text.endswith(fleet.END + "after\n")
    assert "old" not in text
    page.write_text("nothing\n")
    with pytest.raises(ValueError, match="marks"):
        fleet.write(forms(), page)
    assert page.read_text() == "nothing\n"


def test_a_peer_that_is_not_there_is_named(monkeypatch, tmp_path):
    """The page says at its top what was not measured, and which Debian package has it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    rows = [row for row in scrape.measured(1_000, "timer", 1) if "missing" in row]
    report.write([MACHINE, *rows, *rows], tmp_path / "README.md")
    before, _, after = (tmp_path / "README.md").read_text().partition("## The targets")
    told = "prometheus-pushgateway is not installed (Debian: prometheus-pushgateway)"
    assert before.count(told) == 1
    assert told not in after


def test_the_pages_are_what_was_measured(tmp_path):
    """Each figure of bench/results and docs/guides/fleet.md comes from the rows of the results."""
    pages = ROOT / "bench" / "results"
    lines = (pages / "results.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    report.write(rows, tmp_path / "README.md")
    assert (tmp_path / "README.md").read_text() == (pages / "README.md").read_text()
    page = (ROOT / "docs" / "guides" / "fleet.md").read_text(encoding="utf-8")
    (tmp_path / "fleet.md").write_text(page, encoding="utf-8")
    fleet.write(rows, tmp_path / "fleet.md")
    assert (tmp_path / "fleet.md").read_text(encoding="utf-8") == page


def test_medians_of_rounds():
    """Rounds of one case and subject become one row; what is no measurement stays."""
    rounds = [{"case": "a", "subject": "x", "rate": 5, "cpu": cpu} for cpu in (3.0, 1.0, 2.0)]
    other = {"case": "a", "subject": "y", "missing": "not installed"}
    assert medians([*rounds, other]) == [dict(rounds[0], cpu=2.0), other]
