"""The sampler: are its shares those of the threads' own clocks, and what does it cost?"""

import json
import os
import re
import statistics
import subprocess
import sys
from typing import Any, Dict, Iterator, List

from . import processes
from .scrape import get

TURNS, ROUNDS, RATE = 5, 4000, 50
FUNCTION = re.compile(
    r'waggle_function_exclusive_cpu_seconds_total\{.*function="(\w+)[^"]*".*\} (\S+)'
)


def shares(address: str, rounds: int, rate: int) -> Dict[str, Any]:
    """Run the plugin of known shares to its end, and return what it says of itself."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.plugins.shares", str(rounds), str(rate)],
        env=dict(os.environ, WAGGLE_LIVE_METRICS=address),
        cwd=processes.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found: Dict[str, Any] = json.loads(done.stdout)
    return found


def truth(rounds: int) -> Dict[str, Any]:
    """Return how far the sampler is from what is true."""
    with processes.ours() as collector:
        said = shares("unix://%s/socket" % collector.directory, rounds, RATE)
        _, body = get(collector.ports["http"], packed=False)
    told: Dict[str, float] = {}
    for name, seconds in FUNCTION.findall(body.decode()):
        told[name] = told.get(name, 0) + float(seconds)
    total, real = sum(told.values()), sum(said["functions"].values())
    off = [
        abs(told.get(name, 0) / total - said["functions"][name] / real)
        for name in ("seventy", "thirty")
    ]
    return {
        "case": "truth",
        "subject": "two functions 70:30 in three threads, NumPy in a fourth, one that sleeps",
        "process_cpu_s": round(said["process"], 2),
        "total_to_process": round(total / said["process"], 3),
        "off_points": round(100 * max(off), 1),
        "sleeping_percent": round(100 * told.get("sleeping", 0) / total, 2),
    }


def overhead(turns: int, rounds: int) -> Dict[str, Any]:
    """Return what the plugin's CPU is multiplied by, and what its memory grows by a minute."""
    ratios: List[float] = []
    growth: List[float] = []
    with processes.ours() as collector:
        address = "unix://%s/socket" % collector.directory
        for turn in range(turns):
            cost = {}
            for rate in (0, RATE) if turn % 2 else (RATE, 0):
                said = shares(address, rounds, rate)
                cost[rate] = said["process"]
                if rate:
                    growth.append(said["growth_percent_a_minute"])
            ratios.append(cost[RATE] / cost[0])
    return {
        "case": "overhead",
        "subject": "the same, %d samples a second" % RATE,
        "cpu_ratio": round(statistics.median(ratios), 4),
        "cpu_ratios": [round(ratio, 4) for ratio in ratios],
        "growth_percent_a_minute": round(statistics.median(growth), 3),
    }


def run(short: bool = False) -> Iterator[Dict[str, Any]]:
    """Yield all rows."""
    rounds = ROUNDS // 10 if short else ROUNDS
    yield truth(rounds)
    yield overhead(2 if short else TURNS, rounds)
