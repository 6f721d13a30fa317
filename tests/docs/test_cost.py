"""docs/explanation/cost.md has the figures of bench/results."""

import re

import pytest

from .tables import ROOT, code, rows

PAGE = (ROOT / "docs" / "explanation" / "cost.md").read_text(encoding="utf-8")
RESULTS = (ROOT / "bench" / "results" / "README.md").read_text(encoding="utf-8")
#: The page rounds, and a benchmark that is run again differs by this much.
TOLERANCE = 0.05
FIGURES = rows(PAGE, "what")


def numbers(text):
    """Return the numbers in a text."""
    return [float(each.replace(",", "")) for each in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]


def measured(name):
    """Return the numbers in the rows of the results that have this name; bytes as kB, too."""
    found = []
    for line in RESULTS.splitlines():
        cells = [cell.strip().replace("`", "") for cell in line.split("|")[1:-1]]
        if cells and cells[0] == name:
            found += [number for cell in cells[1:] for number in numbers(cell)]
    return [*found, *(number / 1000 for number in found)]


@pytest.mark.parametrize("row", FIGURES, ids=lambda row: row["what"])
def test_figures_are_measured(row):
    """Each figure stands in the row of the results that it names."""
    (name,) = code(row["measured as"])
    found = measured(name)
    assert found, "no row %r in bench/results" % name
    (figure, *_) = numbers(row.get("costs") or row["takes"])
    assert any(abs(figure - each) <= TOLERANCE * each for each in found), (figure, found)


def test_missing_measurements_are_said():
    """What the last run of the benchmarks left out is no figure of this page."""
    missing = [
        line.split("|")[1].strip() for line in RESULTS.splitlines() if "not measured |" in line
    ]
    assert bool(missing) == ("## What is not measured" in PAGE)
    assert not {code(row["measured as"])[0] for row in FIGURES} & set(missing)
