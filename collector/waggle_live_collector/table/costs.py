"""Estimates how many bytes the parts of the table take, for the budget.

An estimate includes what is made of a part: its text in the state file, its labels in two forms of
``/metrics``, and what the allocator wastes. The constants were fitted to the resident memory of a
process. ``tests/collector/table/test_costs.py`` measures that again.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import json

from waggle_live.wire import protocol

from .buckets import MAX_NARROW, Buckets
from .recent import GIVEN_UP

#: A process and a plugin, without their texts. Each includes the few series that count against no
#: limit (``is_bounded``), such as problems and uploads.
PROCESS, PLUGIN = 6_000, 14_000
#: The row of a process that said ``bye``, and of a plugin that has left.
CLOSED, GONE = 700, 900
#: An expired process that has lost its rows.
FORGOTTEN = 1_500
#: A row of a process (``ROW``) and a merged series (``MERGE``), with the kinds that take another
#: size.
ROWS, ROW = {protocol.TIMER: 900, protocol.FUNCTION: 450}, 600
MERGED, MERGE = {protocol.TIMER: 1_150, protocol.FUNCTION: 600}, 750
#: A window of recent values.
WINDOW = 400
#: How often the text of name and labels is held, for a row and for a merged series. Its length is
#: that of JSON, which includes escapes.
ROW_TEXT, MERGED_TEXT = 3, 4
#: The first byte, in UTF-8, of characters that take 4 bytes in a Python string.
FOUR_BYTES = 0xF0
#: One bucket of a timer's span: in a row, in a merged series, in a window. Counts over 32 bits take
#: twice that.
ROW_BUCKET, MERGED_BUCKET, WINDOW_BUCKET = 14, 14, 60

#: Lines of a scrape: of a series by kind; below, of a plugin, of one that has left, and of a knob.
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
#: Bytes of a line without the labels of its series: family, one more label, number. And the bytes
#: of all lines of a plugin that has left.
LINE, GONE_TEXT = 70, 1_000


def text(*what: object) -> int:
    """Return the length of some values as JSON, and more for characters that are wide in memory.

    In a Python string each character takes as many bytes as the widest one: 1, 2 or 4.
    """
    data = json.encode(what)
    if data.isascii():
        return len(data)
    width = 4 if max(data) >= FOUR_BYTES else 2
    return len(data) + (width - 1) * len(data.decode()) // ROW_TEXT


def line(identity: int, words: int = 0) -> int:
    """Return the bytes of a line, from the lengths of its identity and other labels as JSON."""
    return LINE + identity + words


def words(row: Any) -> int:
    """Return the length of a series' name and labels as JSON."""
    return text(row.name, row.labels)


def span(buckets: Buckets, count: int, new: Mapping[int, int] | None = None) -> int:
    """Return the width of the span with ``new`` buckets; twice that if counts take 64 bits.

    ``count`` is the number of all durations then.
    """
    first, size = buckets.first, len(buckets.counts)
    if new:
        low, high = min(new), max(new)
        if size:
            low, high = min(low, first), max(high, first + size - 1)
        size = high + 1 - low
    return size * (2 if count > MAX_NARROW else 1)


def process(process: Any) -> int:
    """Return the bytes of a process, without its rows."""
    if process.forgotten:
        return FORGOTTEN + ROW_TEXT * text(process.identity)
    return PROCESS + ROW_TEXT * text(process.identity, process.info)


def plugin(plugin: Any) -> int:
    """Return the bytes of a plugin, without its series."""
    return PLUGIN + MERGED_TEXT * text(plugin.identity, plugin.info)


def series(plugin: Any) -> int:
    """Return the bytes of all series of a plugin, without windows."""
    identity = text(plugin.identity)
    return sum(merged(totals, words(totals), identity) for totals in plugin.totals)


def gone(row: Any) -> int:
    """Return the bytes of the row of a plugin that has left."""
    return GONE + MERGED_TEXT * text(row.identity)


def row(applied: Any, words: int) -> int:
    """Return the bytes of a row of a process."""
    size = _span(applied) * ROW_BUCKET
    if not applied.is_bounded:
        size += ROWS.get(applied.kind, ROW) + ROW_TEXT * words
    return size


def merged(totals: Any, words: int, identity: int) -> int:
    """Return the bytes of a merged series, without its window.

    ``words`` and ``identity`` are lengths as JSON.
    """
    size = _span(totals) * MERGED_BUCKET
    if not totals.is_bounded:
        size += MERGED.get(totals.kind, MERGE) + MERGED_TEXT * (words + identity)
    return size


def window(series: Any) -> int:
    """Return the most bytes that the window of a series takes."""
    if not series.is_windowed or series.recent is GIVEN_UP:
        return 0
    return WINDOW + _span(series.totals) * WINDOW_BUCKET


def history(plugin: Any) -> int:
    """Return the most bytes that the windows of a plugin take."""
    return sum(map(window, plugin.series.values()))


def _span(row: Any) -> int:
    buckets = getattr(row, "buckets", None)
    return 0 if buckets is None else span(buckets, row.count)
