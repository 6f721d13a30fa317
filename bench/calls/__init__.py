"""What one call costs the plugin: each subject in fresh processes, all of them in turn."""

import json
import os
import statistics
import subprocess
import sys
from typing import Any, Dict, Iterator, List

from .. import processes
from . import subjects

ROUNDS = 5
FIGURES = ("wall", "thread_cpu", "process_cpu", "threads4", "idle_ns", "floor_ns")


def run(short: bool = False) -> Iterator[Dict[str, Any]]:
    """Yield one row a subject: medians over the rounds, and the spread of what is compared."""
    rounds = 1 if short else ROUNDS
    rows: Dict[str, List[Dict[str, Any]]] = {subject.name: [] for subject in subjects.ALL}
    missing: Dict[str, str] = {}
    with processes.ours() as collector, processes.udp_sink() as sink:
        environment = dict(
            os.environ,
            WAGGLE_LIVE_METRICS="unix://%s/socket" % collector.directory,
            BENCH_UDP_PORT=str(sink.ports["udp"]),
        )
        for turn in range(rounds):
            for name in sorted(rows, reverse=bool(turn % 2)):
                done = subprocess.run(
                    [sys.executable, "-m", "bench.calls.worker", name],
                    env=environment,
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=120,
                )
                if done.returncode == 0:
                    rows[name].append(json.loads(done.stdout.splitlines()[-1]))
                else:
                    missing[name] = done.stderr.strip().rpartition("\n")[2]
    for subject in subjects.ALL:
        measured = rows[subject.name]
        row: Dict[str, Any] = {"case": "call", "subject": subject.name, "group": subject.group}
        if not measured:
            yield {**row, "missing": missing[subject.name]}
            continue
        for figure in FIGURES:
            values = [found[figure] for found in measured]
            row[figure] = round(statistics.median(values), 3)
            if figure in ("wall", "process_cpu"):
                row[figure + "_spread"] = [round(min(values), 3), round(max(values), 3)]
        yield row
