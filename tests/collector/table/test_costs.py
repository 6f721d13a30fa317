"""What the parts of the table take, against the memory of a real process."""

import subprocess
import sys
from pathlib import Path

import pytest

from waggle_live_collector.table import costs
from waggle_live_collector.table.buckets import Buckets

from ..world import World, counter, function, gauge, rate, timer
from .taken import CELLS

ROOT = Path(__file__).resolve().parents[3]
#: Of each kind so many series, of so many processes: enough for the allocator to be fair.
SIZES = {
    "timer": (250, 6),
    "huge": (250, 4),
    "wide": (60, 4),
    "overflow": (1, 300),
    "labels": (300, 4),
    "emoji": (300, 4),
    "messages": (500, 8),
}
#: The estimate may be so much less, and so much more, than what was measured.
LESS, MORE = 0.8, 2.0


@pytest.mark.parametrize("kind", CELLS)
def test_the_estimates_are_what_is_taken(kind):
    """Of rows, merged series, windows, encoded labels and the texts of the state file."""
    size = map(str, SIZES.get(kind, (500, 6)))
    command = [sys.executable, "-m", "tests.collector.table.taken", kind, *size]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    taken, estimate = map(int, done.stdout.split())
    assert LESS * taken <= estimate <= MORE * taken, f"{estimate} for {taken}"


def test_the_lines_of_each_kind_are_those_of_a_scrape():
    """And no kind is forgotten."""
    world = World()
    peer = world.peer()

    def lines():
        text = world.table_text()
        return sum(line[:1] not in (b"#", b"") for line in text.split(b"\n"))

    cells = {
        "timer": timer("t", {0: 1}, 5, last=5),
        "rate": rate("r", 5, sum=5, last=5),
        "gauge": gauge("g", 1),
        "counter": counter("c", 1),
        "messages": {"kind": "messages", "name": "m", "value": 1},
        "uploads": {"kind": "uploads", "value": 1},
        "problem": {"kind": "problem", "name": "series_limit", "value": 1},
        "function": function("f", 1, 1, 1, exclusive_cpu=1),
        "tau": {"kind": "tau", "dropped": 1},
    }
    assert cells.keys() == costs.LINES.keys()
    for number, (kind, cell) in enumerate(cells.items()):
        before = lines()
        assert peer.update(2 * number + 1, cell) == []
        more = {name: cell[name] + 1 for name in ("count", "value") if name in cell}
        more |= {"buckets": [[0, 2]]} if kind == "timer" else {}
        peer.update(2 * number + 2, {**cell, **more})
        of_plugin = kind == "tau"  # the time of its last dump is shown with the plugin
        assert lines() - before == costs.LINES[kind] + of_plugin, kind
    assert lines() <= world.table.lines


@pytest.mark.parametrize("character", ["x", "\u00b5", "\N{SNOWMAN}", "\N{HONEYBEE}"])
def test_a_text_counts_as_wide_as_its_widest_character_makes_it(character):
    """In the row of one process: the text in memory, and its JSON in the state file."""
    text = "x" * 250 + character
    held = costs.ROW_TEXT * costs.text(text)
    # What an object takes beside its characters is in the base of a series.
    assert held >= sys.getsizeof(text) - sys.getsizeof(character) + len(text)


def test_a_span_counts_what_is_between_and_twice_where_counts_are_huge():
    """What a histogram would take once new buckets have come."""
    assert costs.span(Buckets(), 0) == 0
    assert costs.span(Buckets(), 1, {7: 1}) == 1
    assert costs.span(Buckets(5, [1, 1]), 2) == 2
    assert costs.span(Buckets(5, [1, 1]), 4, {0: 1, 9: 1}) == 10
    assert costs.span(Buckets(5, [1, 1]), 1 << 32, {4: 1}) == 6
