"""A sum of floats without rounding, so that a merged counter can never fall.

Plain floats lose low bits, and the loss depends on the order. So a counter merged from several
processes could fall by one unit in the last place. Prometheus takes that for a reset. Here the sum
is a list of non-overlapping parts, which the state file keeps: Shewchuk's expansion, which
``math.fsum`` uses inside. It is rounded once, by ``math.fsum``, when it is read. Rounding is
monotonic: if no addend falls, the value read never falls.
"""

from collections.abc import Sequence
from math import fsum


def check(parts: Sequence[float]) -> None:
    """Raise ValueError if the sum of ``parts`` is negative or not finite."""
    try:
        is_sum = fsum(parts) >= 0
    except OverflowError:
        is_sum = False
    if not is_sum:
        raise ValueError(f"{parts} are no parts of a sum that only rises")


def add(parts: list[float], value: float) -> None:
    """Add a finite float to a sum. The caller bounds addends so that no sum overflows."""
    kept = 0
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


def change(parts: list[float], old: float, new: float) -> None:
    """Replace an addend."""
    if old:
        add(parts, -old)
    add(parts, new)
