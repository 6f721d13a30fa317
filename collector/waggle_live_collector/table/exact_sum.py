"""A sum of floats without rounding, so that a merged counter can never fall.

Adding and subtracting plain floats loses low bits, and the loss depends on the order: a
counter merged from several processes could fall by one unit in the last place, which
Prometheus takes for a reset. Here the sum is kept as non-overlapping parts (Shewchuk's
expansion, which ``math.fsum`` uses inside); it is rounded once, when it is read. Rounding is
monotonic: if no addend falls, the value read never falls.
"""

import math


class ExactSum:
    """The exact sum of what was added; ``parts`` is its state, for the state file."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[float] | None = None) -> None:
        self.parts = [] if parts is None else parts

    def add(self, value: float) -> None:
        """Add a finite float. The caller bounds addends so that no sum overflows."""
        kept = 0
        parts = self.parts
        for part in parts:
            if abs(value) < abs(part):
                value, part = part, value  # noqa: PLW2901
            high = value + part
            low = part - (high - value)
            if low:
                parts[kept] = low
                kept += 1
            value = high
        parts[kept:] = [value] if value else []

    def change(self, old: float, new: float) -> None:
        """Replace an addend."""
        if old:
            self.add(-old)
        self.add(new)

    def value(self) -> float:
        """Return the sum, rounded once."""
        return math.fsum(self.parts)
