"""``python -m bench [FAMILY…]``: measure, then write bench/results and docs/guides/fleet.md.

Families that are not named keep their rows of the last run. ``--short`` tries the measurements and
writes nothing.
"""

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

from . import (
    browser,
    calls,
    control,
    footprint,
    growth,
    intake,
    load,
    orders,
    packages,
    profile,
    prometheus,
    scrape,
    visible,
)
from .page import fleet, plot, report

FAMILIES: Dict[str, Callable[[bool], Iterator[Dict[str, Any]]]] = {
    "calls": calls.run,
    "intake": intake.run,
    "orders": orders.run,
    "scrape": scrape.run,
    "visible": visible.run,
    "control": control.run,
    "footprint": footprint.run,
    "growth": growth.run,
    "load": load.run,
    "profile": profile.run,
    "prometheus": prometheus.run,
    "browser": browser.run,
}
RESULTS = Path(__file__).resolve().parent / "results"
FLEET = RESULTS.parents[1] / "docs" / "guides" / "fleet.md"


def machine() -> Dict[str, Any]:
    """Return what the figures depend on, and no more about the machine."""
    return {
        "family": "machine",
        "case": "machine",
        "subject": "",
        "python": platform.python_version(),
        "system": platform.system(),
        "cpus": os.cpu_count(),
    }


def main() -> None:
    """Measure the families that are named, all by default, and write the report."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("families", nargs="*", help=", ".join(FAMILIES))
    parser.add_argument("--again", action="store_true", help="write the report, measure nothing")
    parser.add_argument("--short", action="store_true", help="measure in short, write nothing")
    options = parser.parse_args()
    unknown = set(options.families) - set(FAMILIES)
    if unknown:
        parser.error("no such family: %s" % ", ".join(sorted(unknown)))
    families = [] if options.again else options.families or list(FAMILIES)
    if families:
        packages.install()
    measured = list(measure(families, options.short))
    if not options.short:
        write(families, measured)


def measure(families: List[str], short: bool) -> Iterator[Dict[str, Any]]:
    """Yield the rows of these families, and print each."""
    for family in families:
        begin = time.monotonic()
        for found in FAMILIES[family](short):
            row = {"family": family, **found}
            print(json.dumps(row), flush=True)
            yield row
        print("%s took %.0f s" % (family, time.monotonic() - begin), file=sys.stderr)


def write(families: List[str], measured: List[Dict[str, Any]]) -> None:
    """Write the pages from what was measured now, and before of other families."""
    results = RESULTS / "results.jsonl"
    lines = results.read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["family"] not in families]
    if measured:
        rows = [row for row in rows if row["family"] != "machine"] + [*measured, machine()]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    results.write_text(text, encoding="utf-8")
    report.write(rows, RESULTS / "README.md")
    fleet.write(rows, FLEET)
    plot.write(rows, RESULTS / "calls.png")
    print("Written to %s and %s" % (RESULTS, FLEET), file=sys.stderr)


if __name__ == "__main__":
    main()
