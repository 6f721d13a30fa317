"""The figures of docs/guides/fleet.md: what a node costs where it is kept, and many in a month."""

import re
from pathlib import Path
from typing import Any, List, Sequence

from .results import Results, Row, table

BEGIN = "<!-- Written by `python -m bench prometheus`, up to the end mark. -->\n"
END = "<!-- End of what is written. -->\n"
#: A scrape each 15 s for 30 days; a block of Prometheus's TSDB is two hours.
SCRAPES, BLOCKS = 30 * 86_400 // 15, 30 * 12
NODES = (1, 100, 10_000)
UNITS = ("", "k", "M", "G", "T")


def quantity(number: float, step: int = 1000, units: Sequence[str] = UNITS) -> str:
    """Return a number of ``units[0]`` bytes with three digits and its unit."""
    largest = len(units) - 1
    place = 0
    while place < largest and number >= 999.5:
        number /= step
        place += 1
    return "%s %sB" % ("%.3g" % number if number < 999.5 else "%.0f" % number, units[place])


def write(rows: List[Row], path: Path) -> None:
    """Put the figures between the two marks of a page; ValueError if it has not both."""
    page = path.read_text(encoding="utf-8")
    pattern = re.escape(BEGIN) + ".*" + re.escape(END)
    text = BEGIN + figures(Results(rows)) + END
    page, found = re.subn(pattern, lambda _: text, page, flags=re.DOTALL)
    if found != 1:
        raise ValueError("%s has not one pair of marks" % path)
    path.write_text(page, encoding="utf-8")


def figures(found: Results) -> str:
    """Return the tables."""
    return "\n".join((one(found), hundred(found), thousand(found), months(found)))


def _by_form(found: Results, case: str, lines: Any) -> str:
    """Return a table with a column for each form; ``lines`` are titles and what they show."""
    rows = [row for row in found.of(case) if case != "fleet" or row["nodes"] == 100]
    return table(
        ("", *("`%s`" % row["subject"] for row in rows)),
        [(title, *(show(row) for row in rows)) for title, show in lines],
    )


def one(found: Results) -> str:
    """Return what one node is."""
    lines: List[Any] = [
        ("samples in a scrape", lambda row: "{:,}".format(row["samples"])),
        ("series in Prometheus", lambda row: "{:,}".format(row["series"])),
        ("a scrape", lambda row: quantity(row["bytes"])),
        ("a scrape with gzip", lambda row: quantity(row["gzip_bytes"])),
        ("remote write of a scrape, as sent", lambda row: quantity(row["remote_write_bytes"])),
        ("write-ahead log of a scrape", lambda row: quantity(row["wal_bytes"])),
        ("chunks of a scrape", lambda row: quantity(row["chunk_bytes"])),
        ("index of a block", lambda row: quantity(row["index_bytes"])),
    ]
    return _by_form(found, "kept", lines)


def hundred(found: Results) -> str:
    """Return what Prometheus takes for a hundred nodes, as it was measured."""
    lines: List[Any] = [
        ("100 nodes: series", lambda row: "{:,}".format(row["series"])),
        ("100 nodes: samples a second", lambda row: "{:,}".format(row["samples_per_s"])),
        ("100 nodes: % of a core", lambda row: row["percent_of_a_core"]),
        ("100 nodes: memory", lambda row: "%.0f MiB" % row["mib"]),
    ]
    return _by_form(found, "fleet", lines)


def thousand(found: Results) -> str:
    """Return what Prometheus takes for one node of 1,000 timers."""
    lines: List[Any] = [
        ("1,000 timers: series", lambda row: "{:,}".format(row["series"])),
        ("1,000 timers: % of a core", lambda row: row["percent_of_a_core"]),
        ("1,000 timers: memory", lambda row: "%.0f MiB" % row["mib"]),
    ]
    return _by_form(found, "thousand", lines)


def months(found: Results) -> str:
    """Return what nodes take of network, disk and memory in a month."""
    titles = ("nodes", "form", "scraped, gzip", "remote write", "disk", "memory")
    lines: List[Any] = []
    for nodes in NODES:
        for row in found.of("kept"):
            one, hundred = (
                found.value("fleet", row["subject"], "mib", nodes=count) for count in (1, 100)
            )
            memory = one + (hundred - one) / 99 * (nodes - 1)
            disk = row["chunk_bytes"] * SCRAPES + row["index_bytes"] * BLOCKS
            lines.append(
                (
                    "{:,}".format(nodes),
                    "`%s`" % row["subject"],
                    quantity(nodes * row["gzip_bytes"] * SCRAPES),
                    quantity(nodes * row["remote_write_bytes"] * SCRAPES),
                    quantity(nodes * disk),
                    quantity(memory, 1024, ("Mi", "Gi", "Ti")),
                )
            )
    return table(titles, lines)
