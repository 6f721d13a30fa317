"""Observes known durations in one timer for each distribution, and flushes until it is told to end.

The first timer is declared and stays empty.
"""

import random
import sys
from typing import Callable, Dict, List

from waggle_live import TIMER, LiveMetrics

COUNT = 2000
LOWEST, HIGHEST = 1e-6, 100.0


def _bimodal(chance: random.Random) -> float:
    return chance.uniform(1e-6, 3e-6) if chance.random() < 0.7 else chance.uniform(20, 60)


_DISTRIBUTIONS: Dict[str, Callable[[random.Random], float]] = {
    "uniform": lambda chance: chance.uniform(LOWEST, HIGHEST),
    "lognormal": lambda chance: chance.lognormvariate(-3.5, 1.2),
    "bimodal": _bimodal,
    "spread": lambda chance: LOWEST * (HIGHEST / LOWEST) ** chance.random(),
    # The second and the third are bounds of buckets.
    "constant": lambda _: 0.0123,
    "constant2": lambda _: 2.0,
    "constant1": lambda _: 1.0,
    "shortest": lambda _: LOWEST,
    "longest": lambda _: HIGHEST,
}


def durations(name: str) -> "List[float]":
    """Return the durations of a distribution: the same ones each time."""
    chance = random.Random(name)
    draw = _DISTRIBUTIONS[name]
    return [min(max(draw(chance), LOWEST), HIGHEST) for _ in range(COUNT)]


NAMES = tuple(_DISTRIBUTIONS)


def main() -> None:
    with LiveMetrics() as live:
        live.declare(declared=TIMER)
        assert live.flush(5)
        for name in NAMES:
            timer = live.timer(name)
            for seconds in durations(name):
                timer.observe(seconds)
        assert live.flush(5)
        print("flushed", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
