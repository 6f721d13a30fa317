"""Measure, print each ratio beside its limit, and fail if one is over it in all tries."""

import sys
from typing import Callable, Dict

from . import calls, costs

TRIES = 3


def held(measure: Callable[[], Dict[str, float]], limits: Dict[str, float]) -> bool:
    """Print each ratio beside its limit; return whether all are within them in some try."""
    best = dict.fromkeys(limits, float("inf"))
    for _ in range(TRIES):
        for name, ratio in measure().items():
            best[name] = min(best[name], ratio)
        if all(best[name] <= limit for name, limit in limits.items()):
            break
    for name, limit in limits.items():
        over = "" if best[name] <= limit else "   <-- dearer than it may be"
        print("%-60s %.3f of %.3f%s" % (name, best[name], limit, over), flush=True)
    return all(best[name] <= limit for name, limit in limits.items())


def main() -> int:
    """Return 0 if all ratios are within their limits, else 1."""
    within = [held(part.ratios, part.LIMITS) for part in (calls, costs)]
    return int(not all(within))


if __name__ == "__main__":
    sys.exit(main())
