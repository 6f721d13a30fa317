"""The report: the targets beside what was measured, then all figures as tables."""

from pathlib import Path
from typing import Dict, List

from .bar import bar
from .results import Results, Row, table

HEAD = """# What it costs, beside its peers

`make bench` measures all of this anew, in some 20 minutes. It writes this page,
[results.jsonl](results.jsonl), the picture, and the figures of
[docs/guides/fleet.md](../../docs/guides/fleet.md). `make bench CASES="calls scrape"` measures some
families only. `make bench SHORT=1` tries all of them in short and writes nothing. Quote the ratios
and not the times.
"""

FLOOR = """
**Floor** is the least that any timing costs: two `perf_counter_ns()` and one `append`. It is
measured in the same process, in turn with its subject. The empty loop is subtracted from both. Each
round of a subject is a process of its own. Rounds of all subjects are interleaved, and every other
one runs in reverse order. Figures are medians.
"""


def calls(found: Results) -> str:
    """Return what a call costs."""
    rows = sorted(found.of("call"), key=lambda row: (row["group"] in ("inc", "set"), row["wall"]))
    return table(
        ("one call", "wall, × floor", "spread", "CPU, × floor", "4 threads", "after 20 ms idle"),
        [
            (
                row["subject"],
                "%.1f" % row["wall"],
                "%.1f to %.1f" % tuple(row["wall_spread"]),
                "%.1f" % row["process_cpu"],
                "%.1f" % row["threads4"],
                "%.0f µs" % (row["idle_ns"] / 1e3),
            )
            for row in rows
        ],
    )


def plain(rows: List[Row], figures: Dict[str, str]) -> str:
    """Return rows as they are, one column for each figure; words where there are none."""
    if not rows:
        return "Not measured.\n"
    return table(
        ("", *figures.values()),
        [(row["subject"], *(row.get(figure, "") for figure in figures)) for row in rows],
    )


def scrapes(found: Results) -> str:
    """Return what scrapes take."""
    rows = found.of("scrape")
    for row in rows:
        row["kb"] = round(row["bytes"] / 1e3, 1)
    return table(
        ("", "of", "lines", "changed", "gzip", "ms", "spread", "kB"),
        [
            (
                row["subject"],
                row["kind"] + "s",
                "{:,}".format(row["lines"]),
                "%d %%" % (100 * row["changed"]),
                "yes" if row["packed"] else "",
                row["ms"],
                "%.3g to %.3g" % tuple(row["ms_spread"]),
                row["kb"],
            )
            for row in rows
        ],
    )


def loads(found: Results) -> str:
    """Return what a node's load takes."""
    rows = found.of("load")
    figures = {
        "collector_percent": "collector, % of a core",
        "client_percent": "a client, % of a core",
        "collector_wakeups": "collector, wake-ups a second",
        "client_wakeups": "a client, wake-ups a second",
    }
    return plain(rows, figures)


def kept(found: Results) -> str:
    """Return what a node is where it is kept, in each form."""
    figures = {
        "samples": "samples a scrape",
        "series": "series",
        "bytes": "bytes of a scrape",
        "gzip_bytes": "gzip",
        "wal_bytes": "log of a scrape",
        "chunk_bytes": "chunks of a scrape",
        "remote_write_bytes": "remote write of a scrape",
    }
    many = {
        "nodes": "nodes",
        "interval": "seconds between scrapes",
        "percent_of_a_core": "% of a core",
        "mib": "MiB",
        "series": "series",
    }
    text = plain(found.of("kept"), figures) + "\n" + plain(found.of("fleet"), many)
    return text + "\nOne node with 1,000 timers:\n\n" + plain(found.of("thousand"), many)


def not_measured(rows: List[Row]) -> str:
    """Return what is missing here, each once; nothing if all was there."""
    missing = {row["subject"]: row["missing"] for row in rows if "missing" in row}
    lines = ["- %s: %s\n" % item for item in missing.items()]
    return "".join(["\n## Not measured\n", *lines]) if lines else ""


def write(rows: List[Row], path: Path) -> None:
    """Write the report."""
    found = Results(rows)
    machine = found.one("machine", "")
    about = "CPython %s on %s with %d cores, which others use as well.\n" % (
        machine["python"],
        machine["system"],
        machine["cpus"],
    )
    picture = "\n![What timing one block costs](calls.png)\n"
    parts = [HEAD, about, not_measured(rows), FLOOR, picture, "\n## The targets\n"]
    parts += [bar(found), "\n", NOTES.read_text(encoding="utf-8") if NOTES.exists() else ""]
    parts += ["\n## One call\n", calls(found)]
    pair = {
        "plugin_cpu_per_million": "plugin, CPU s per million",
        "collector_cpu_per_million": "collector, CPU s per million",
    }
    parts += ["\n## Plugin and collector at 100,000 blocks a second\n"]
    parts += [plain(found.of("pair"), pair), "\n## Taking in samples\n"]
    intake = {"rate": "samples/s", "collector_cpu_per_million": "collector, CPU s per million"}
    parts += [plain(found.of("intake"), intake), "\n## A scrape\n", scrapes(found)]
    visible = {"median_s": "median, s", "p99_s": "p99, s", "max_s": "longest, s"}
    parts += ["\n## From `stop()` to `/metrics`\n", plain(found.of("visible"), visible)]
    cost = {
        "first_ms": "one `PUT`, ms",
        "first_cpu_ms": "its CPU, ms",
        "renewal_ms": "its renewal, ms",
        "renewal_core_percent": "renewed each second, % of a core",
    }
    way = {"median_s": "median, s", "max_s": "longest, s"}
    parts += ["\n## Control: 200 plugins with 4 knobs each\n", plain(found.of("orders"), cost)]
    parts += ["\nFrom `PUT` to the plugin:\n\n", plain(found.of("ordered"), way)]
    held = {
        "deadline_ms": "deadline, ms",
        "late_percent": "late, % of the time",
        "changes": "changes",
        "last_change_under_load_s": "last change after the load came, s",
    }
    parts += ["\n## A deadline held by `DeadlinePolicy`, fed\n", plain(found.of("deadline"), held)]
    truth = {
        "off_points": "shares off, points",
        "sleeping_percent": "a sleeping thread's share, %",
        "total_to_process": "total, × the process's CPU",
    }
    more = {"cpu_ratio": "CPU, ×", "growth_percent_a_minute": "more growth of memory, % a minute"}
    parts += ["\n## The sampler\n", plain(found.of("truth"), truth), "\n"]
    parts += [plain(found.of("overhead"), more) if found.of("overhead") else ""]
    parts += ["\n## A node's load: 20 plugins\n", loads(found)]
    parts += ["\n## Ten plugins, kept by Prometheus\n", kept(found)]
    steady = {
        "chromium_percent": "Chromium, % of a core",
        "collector_percent": "collector, % of a core",
        "wire_kb_per_s": "on the wire, kB/s",
    }
    passing = {
        "heap_mb_early": "heap after a tenth of them, MB",
        "heap_mb": "at the end, MB",
        "elements_more": "more elements",
    }
    parts += ["\n## The page in Chromium\n", plain(found.of("page"), steady), "\n"]
    parts += [plain(found.of("page passing"), passing)]
    memory = {"mib": "MiB", "most_mib": "at most, MiB"}
    parts += ["\n## Memory of collectors\n", plain(found.of("memory"), memory)]
    client = {"import_ms": "import or use over pywaggle's, ms", "added_mib": "adds, MiB"}
    parts += ["\n## What a library adds to a plugin\n", plain(found.of("client"), client)]
    sessions = {
        "lines": "lines",
        "mib": "MiB",
        "kib_a_series": "KiB a series, at least",
        "most_kib_a_series": "at most",
        "scrape_ms": "scrape, ms",
        "update_cpu_us": "CPU µs per update of 20 timers",
    }
    parts += ["\n## Growth\n", plain(found.of("sessions"), sessions), "\n"]
    parts += [plain(found.of("changed"), {"scrape_cpu_ms": "collector CPU for a scrape, ms"}), "\n"]
    hot = {"samples_per_s": "samples/s", "recorded": "recorded", "lost": "lost", "grew_mib": "MiB"}
    parts += [plain(found.of("hot loop"), hot)]
    path.write_text("".join(parts), encoding="utf-8")


#: What was thought about the figures, by hand: the report is made around it.
NOTES = Path(__file__).with_name("notes.md")
