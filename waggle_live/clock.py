"""The clocks: none of them is the wall clock, so stepping it changes no measurement."""

import time
from time import monotonic

try:
    from time import perf_counter_ns
except ImportError:  # Python 3.6

    def perf_counter_ns() -> int:
        """Return ``time.perf_counter()`` in whole nanoseconds (Python 3.7 has its own)."""
        return int(time.perf_counter() * 1e9)


__all__ = ["monotonic", "perf_counter_ns"]
