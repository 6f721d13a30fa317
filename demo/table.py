"""The table: what a scrape says of each plugin, as lines of text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from .samples import Sample

COLUMNS = ("instrument", "kind", "count", "per s", "mean", "p95", "last", "age")
#: So many columns are words, which stand to the left; numbers stand to the right.
WORDS = 2
#: No column gets narrower than this, so that the table stands still while numbers change; with
#: two spaces between them they fit a terminal of 80 columns.
MIN_WIDTHS = (20, 7, 6, 5, 7, 7, 7, 6)
KINDS = ("rate", "timer", "gauge", "counter")
IDENTITY = ("plugin", "plugin_task", "plugin_job")


def seconds(value: float) -> str:
    """Write a duration with three digits, in the unit that suits it."""
    if not math.isfinite(value):
        return "-"
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if abs(value) * factor >= 1:
            return f"{_three_digits(value * factor)} {unit}"
    return f"{value * 1e9:.0f} ns"


def number(value: float) -> str:
    """Write whole numbers whole while they are not too long, others with three digits."""
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e9 else _three_digits(value)


def tenths(value: float) -> str:
    """Write a rate or an age, always with one decimal, so that it doesn't jump about."""
    return f"{value:.1f}"


def _three_digits(value: float) -> str:
    if not 0.01 <= abs(value) < 1e6:
        return f"{value:.3g}"
    return f"{value:.{2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0}f}"


class Place(NamedTuple):
    """Where the value of a family stands: the kind that it shows, its column, how it's written."""

    kind: str
    column: str
    write: Callable[[float], str]


PLACES = {
    "waggle_timer_seconds_count": Place("timer", "count", number),
    "waggle_timer_recent_mean_seconds": Place("timer", "mean", seconds),
    "waggle_timer_recent_seconds": Place("timer", "p95", seconds),
    "waggle_timer_last_seconds": Place("timer", "last", seconds),
    "waggle_rate_events_total": Place("rate", "count", number),
    "waggle_rate_per_second": Place("rate", "per s", tenths),
    "waggle_rate_last_per_second": Place("rate", "last", lambda value: tenths(value) + "/s"),
    "waggle_value": Place("gauge", "last", number),
    "waggle_count_total": Place("counter", "count", number),
}


@dataclass
class Plugin:
    """What a scrape says of one plugin: figures of its own, and a row of cells per series."""

    figures: dict[str, float] = field(default_factory=dict)
    rows: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def is_up(self) -> bool:
        """Whether a process of it is connected."""
        return self.figures.get("waggle_plugin_up") == 1

    @property
    def has_reported(self) -> bool:
        """Whether any of its instruments has recorded something."""
        return any(row.get("last") or row.get("count", "0") != "0" for row in self.rows.values())


def read_plugins(samples: Iterable[Sample], now: float) -> dict[str, Plugin]:
    """Return what the samples of one scrape say of each task; ``now`` is Unix time, for ages."""
    plugins: dict[str, Plugin] = {}
    for name, labels, value in samples:
        if "plugin_task" not in labels:
            continue
        plugin = plugins.setdefault(labels["plugin_task"], Plugin())
        if name == "waggle_updated_timestamp_seconds":
            row = plugin.rows.setdefault(_instrument(labels), {})
            row["age"] = tenths(max(0.0, now - value)) + " s"
        elif name not in PLACES:
            plugin.figures[name] = value
        elif labels.get("q", "0.95") == "0.95":
            row = plugin.rows.setdefault(_instrument(labels), {})
            row["kind"], row[PLACES[name].column] = PLACES[name].kind, PLACES[name].write(value)
    return plugins


def render(plugins: dict[str, Plugin]) -> list[str]:
    """Return the lines of the table."""
    table: list[tuple[str, ...]] = [COLUMNS]
    headings: dict[int, str] = {}
    for task, plugin in sorted(plugins.items()):
        headings[len(table)] = _heading(task, plugin)
        for instrument, row in sorted(plugin.rows.items(), key=_order):
            table.append((instrument, *(row.get(column, "") for column in COLUMNS[1:])))
    widths = [
        max(least, *map(len, column))
        for least, column in zip(MIN_WIDTHS, zip(*table, strict=True), strict=True)
    ]
    lines: list[str] = []
    for position, row_cells in enumerate(table):
        if position in headings:
            lines += ["", headings[position]]
        lines.append(
            "  ".join(
                cell.ljust(width) if column < WORDS else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row_cells, widths, strict=True))
            ).rstrip()
        )
    if len(table) in headings:  # the last plugin has no rows yet
        lines += ["", headings[len(table)]]
    return lines


def _order(item: tuple[str, dict[str, str]]) -> tuple[int, str]:
    kind = item[1].get("kind", "")
    return KINDS.index(kind) if kind in KINDS else len(KINDS), item[0]


def _heading(task: str, plugin: Plugin) -> str:
    words = [f"{task}: {'up' if plugin.is_up else 'gone'}"]
    cpu = plugin.figures.get("waggle_plugin_cpu_seconds_total")
    if cpu is not None:
        words.append(f"{cpu:.1f} s of CPU")
    return ", ".join(words)


def _instrument(labels: dict[str, str]) -> str:
    own = [
        f'{label}="{value}"'
        for label, value in sorted(labels.items())
        if label not in (*IDENTITY, "name", "q")
    ]
    return labels.get("name", "") + (f"{{{','.join(own)}}}" if own else "")
