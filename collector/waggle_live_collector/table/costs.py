"""What the parts of the table take, in bytes: estimates, for the budget.

Each includes what is made of the part: its text in the state file, the labels that two forms of
``/metrics`` keep of it, and what the allocator wastes. They were fitted to the resident memory of a
process, which ``tests/collector/table/test_costs.py`` measures anew.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import json

from waggle_live.wire import protocol

from .buckets import MAX_NARROW, Buckets
from .recent import GIVEN_UP

#: A process, and a plugin, each with the few series that are not counted against any limit: what
#: does not fit into others, problems, uploads, sums of functions. To each comes what its texts
#: take.
PROCESS, PLUGIN = 6_000, 14_000
#: What is remembered of a process that said ``bye``, and of a plugin that has left.
CLOSED, GONE = 700, 900
#: What stays of a process that is lost, once its rows are gone.
FORGOTTEN = 1_500
#: A series of one process, and the merged series of all, by kind; any other.
ROWS, ROW = {protocol.TIMER: 900, protocol.FUNCTION: 450}, 600
MERGED, MERGE = {protocol.TIMER: 1_150, protocol.FUNCTION: 600}, 750
#: The window of recent values.
WINDOW = 400
#: To each comes so many times the length of name and labels as JSON, which counts what is escaped.
ROW_TEXT, MERGED_TEXT = 3, 4
#: A character that takes 4 bytes in memory begins so in UTF-8.
FOUR_BYTES = 0xF0
#: For each bucket that the span of a timer is wide: in a row, in a merged series, in the window.
#: Twice that where the counts don't fit into 32 bits.
ROW_BUCKET, MERGED_BUCKET, WINDOW_BUCKET = 14, 14, 60

#: Lines of a scrape: of a series, by kind, of a plugin, of one that has left, and of a knob.
LINES = {
    protocol.TIMER: 31,
    protocol.RATE: 5,
    protocol.GAUGE: 2,
    protocol.COUNTER: 2,
    protocol.MESSAGES: 1,
    protocol.UPLOADS: 1,
    protocol.PROBLEM: 1,
    protocol.FUNCTION: 4,
    protocol.TAU: 2,
}
PLUGIN_LINES, GONE_LINES, KNOB_LINES = 13, 4, 6
#: What a line has beside the labels that tell a series: family, one more label, number. And what
#: all the lines of a plugin that has left have.
LINE, GONE_TEXT = 70, 1_000


def text(*what: object) -> int:
    """Return the length of some texts as JSON; more where they take more bytes in memory.

    There each character of a string takes as many as its widest one: 1, 2, or 4.
    """
    data = json.encode(what)
    if data.isascii():
        return len(data)
    width = 4 if max(data) >= FOUR_BYTES else 2
    return len(data) + (width - 1) * len(data.decode()) // ROW_TEXT


def line(identity: int, words: int = 0) -> int:
    """Return how long a line of a scrape is; both as JSON."""
    return LINE + identity + words


def words(row: Any) -> int:
    """Return the length of name and labels as JSON."""
    return text(row.name, row.labels)


def span(buckets: Buckets, count: int, new: Mapping[int, int] | None = None) -> int:
    """Return how wide buckets that count ``count`` are once ``new`` ones have come; see above."""
    first, size = buckets.first, len(buckets.counts)
    if new:
        low, high = min(new), max(new)
        if size:
            low, high = min(low, first), max(high, first + size - 1)
        size = high + 1 - low
    return size * (2 if count > MAX_NARROW else 1)


def process(process: Any) -> int:
    """Return what a process takes, without its rows."""
    if process.forgotten:
        return FORGOTTEN + ROW_TEXT * text(process.identity)
    return PROCESS + ROW_TEXT * text(process.identity, process.info)


def plugin(plugin: Any) -> int:
    """Return what a plugin takes, without its series."""
    return PLUGIN + MERGED_TEXT * text(plugin.identity, plugin.info)


def series(plugin: Any) -> int:
    """Return what the series of a plugin take."""
    identity = text(plugin.identity)
    return sum(merged(totals, words(totals), identity) for totals in plugin.totals)


def gone(row: Any) -> int:
    """Return what the rest of a plugin that has left takes."""
    return GONE + MERGED_TEXT * text(row.identity)


def row(applied: Any, words: int) -> int:
    """Return what a row of a process takes."""
    size = _span(applied) * ROW_BUCKET
    if not applied.is_bounded:
        size += ROWS.get(applied.kind, ROW) + ROW_TEXT * words
    return size


def merged(totals: Any, words: int, identity: int) -> int:
    """Return what a merged series takes, without its window; ``identity``: its length as JSON."""
    size = _span(totals) * MERGED_BUCKET
    if not totals.is_bounded:
        size += MERGED.get(totals.kind, MERGE) + MERGED_TEXT * (words + identity)
    return size


def window(series: Any) -> int:
    """Return what the window of a series takes at most."""
    if not series.is_windowed or series.recent is GIVEN_UP:
        return 0
    return WINDOW + _span(series.totals) * WINDOW_BUCKET


def history(plugin: Any) -> int:
    """Return what the windows of a plugin take at most."""
    return sum(map(window, plugin.series.values()))


def _span(row: Any) -> int:
    buckets = getattr(row, "buckets", None)
    return 0 if buckets is None else span(buckets, row.count)
