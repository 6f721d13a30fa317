"""What the page costs in Chromium: 50 plugins of 20 instruments each, all of which change."""

import contextlib
import random
import threading
import time
from typing import Any, Dict, Iterator, List

from waggle_live.wire.protocol import encode, encode_cell, encode_updates

from . import processes
from .raw import BUCKETS, Session

PLUGINS, INSTRUMENTS = 50, 20
#: Seconds until the page has opened and is drawn, and for which it is measured then.
SETTLE, SECONDS = 10.0, 30.0
#: A plugin that comes and goes is there for so many seconds; and how many of them are an hour's.
LIFE, GENERATIONS = 1.0, 120

_WIRE = (
    "const all = performance.getEntriesByType('resource');"
    "performance.clearResourceTimings();"
    "return all.reduce((sum, each) => sum + each.transferSize, 0)"
)


class Plugin(Session):
    """One whose instruments all have another value each time, as measured ones have."""

    def __init__(self, path: str, number: int) -> None:
        super().__init__(path, number, INSTRUMENTS)
        self._random = random.Random(number)
        self._sums = [0] * INSTRUMENTS
        self._counts = [[0] * len(BUCKETS) for _ in range(INSTRUMENTS)]
        self.flush_number = 0
        self._cell = self._vary  # type: ignore[assignment]

    def _vary(self, index: int, tick: int) -> Dict[str, Any]:
        noise, kind = self._random, index % 10
        if kind < 6:
            counts = self._counts[index]
            for place in range(len(BUCKETS)):
                counts[place] += noise.randrange(3)
            self._sums[index] += int(noise.uniform(0.9, 1.1) * 160_000_000)
            count = sum(counts)
            return {
                "kind": "timer",
                "name": "block.%d" % index,
                "count": count,
                "sum": self._sums[index],
                "min": 5_000_000,
                "max": 44_000_000,
                "last": noise.randrange(5_000_000, 44_000_000),
                "failures": 0,
                "buckets": [list(pair) for pair in zip(BUCKETS, counts) if pair[1]],
            }
        if kind < 8:
            self._sums[index] += noise.randrange(5, 10)
            count = self._sums[index]
            return {
                "kind": "rate",
                "name": "fps.%d" % index,
                "count": count,
                "last": noise.randrange(30_000_000, 40_000_000),
            }
        if kind == 8:
            return {
                "kind": "gauge",
                "name": "level.%d" % index,
                "value": round(noise.uniform(0, 100), 3),
            }
        self._sums[index] += noise.randrange(30)
        return {"kind": "counter", "name": "events.%d" % index, "value": self._sums[index]}
