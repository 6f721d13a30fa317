"""Reads the tables of our pages."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"


def read(page):
    """Return the text of a page of the reference."""
    return (REFERENCE / page).read_text(encoding="utf-8")


def rows(text, first):
    """Return the rows of all tables whose first column is called ``first``, as dicts by column."""
    found, head = [], None
    for line in text.splitlines():
        if not line.startswith("|"):
            head = None
            continue
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if head is None:
            head = cells
        elif not set(line) <= set("|-: ") and head[0] == first:
            found.append(dict(zip(head, cells)))
    return found


def code(cell):
    """Return the spans of code in a cell, without their backticks."""
    return re.findall(r"`([^`]+)`", cell)
