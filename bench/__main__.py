"""``python -m bench [FAMILY…]``: measure, then write docs/benchmarks from what stands measured.

Families that are not named keep their rows of the last run.
"""

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

from . import calls, footprint, growth, intake, plot, report, scrape, visible

FAMILIES: Dict[str, Callable[[], Iterator[Dict[str, Any]]]] = {
    "calls": calls.run,
    "intake": intake.run,
    "scrape": scrape.run,
    "visible": visible.run,
    "footprint": footprint.run,
    "growth": growth.run,
}
OUT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks"


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
    parser.add_argument("--out", type=Path, default=OUT, help="where the results are written")
    options = parser.parse_args()
    unknown = set(options.families) - set(FAMILIES)
    if unknown:
        parser.error("no such family: %s" % ", ".join(sorted(unknown)))
    families = [] if options.again else options.families or list(FAMILIES)
    options.out.mkdir(parents=True, exist_ok=True)
    results = options.out / "results.jsonl"
    rows: List[Dict[str, Any]] = []
    if results.exists():
        rows = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if row["family"] not in families]
    if families:
        rows = [row for row in rows if row["family"] != "machine"] + [machine()]
    for family in families:
        begin = time.monotonic()
        for row in FAMILIES[family]():
            rows.append({"family": family, **row})
            print(json.dumps(rows[-1]), flush=True)
        print("%s took %.0f s" % (family, time.monotonic() - begin), file=sys.stderr)
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    results.write_text(lines, encoding="utf-8")
    report.write(rows, options.out / "README.md")
    plot.write(rows, options.out / "calls.png")
    print("Written to %s" % options.out, file=sys.stderr)


if __name__ == "__main__":
    main()
