"""Writes figures with few digits, and as a dash if they are unknown."""

import math
import re
from typing import Optional

#: The text of an unknown figure.
NOTHING = "\u2013"
#: Zero-width joiners, variation selectors, and the colours of emoji.
_CHANGES = re.compile("[\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff\U0001f3fb-\U0001f3ff]")


def fixed(value: float, places: int = 0) -> str:
    """Write a number with so many decimals; never as -0."""
    return "%.*f" % (places, round(value, places) + 0.0)


def seconds(value: Optional[float]) -> str:
    """Write a duration with three digits, in the unit that suits it."""
    if value is None or not math.isfinite(value):
        return NOTHING
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if abs(value) * factor >= 1:
            return "%s %s" % (_three_digits(value * factor), unit)
    return fixed(value * 1e9) + " ns"


def number(value: Optional[float]) -> str:
    """Write whole numbers below a billion in full, others with three digits."""
    if value is None:
        return NOTHING
    if float(value).is_integer() and abs(value) < 1e9:
        return fixed(value)
    return _three_digits(value)


def tenths(value: Optional[float], unit: str = "") -> str:
    """Write a rate with one decimal, so that its width stays the same."""
    if value is None:
        return NOTHING
    return (fixed(value, 1) if abs(value) < 1e5 else "%.3g" % value) + unit


def percent(value: Optional[float]) -> str:
    """Write a share in percent. 1.0 is 100 %."""
    if value is None:
        return NOTHING
    return fixed(100 * value, 1 if value < 0.0995 else 0) + " %"


def megabytes(value: Optional[float]) -> str:
    """Write a number of bytes in MB."""
    return NOTHING if value is None else fixed(value / 1e6) + " MB"


def age(value: Optional[float]) -> str:
    """Write an age in seconds: with a tenth up to 100 s, then in minutes, hours or days."""
    if value is None:
        return NOTHING
    for limit, unit, size in ((100, "s", 1), (6000, "min", 60), (172800, "h", 3600)):
        if value < limit:
            return fixed(value / size, 1 if unit == "s" else 0) + " " + unit
    return fixed(value / 86400) + " d"


def clean(text: str) -> str:
    """Return an untrusted text without control characters, which a terminal would obey.

    Removes characters that join or change their neighbours, whose width differs by terminal.
    """
    return "".join(
        each if each.isprintable() else "\ufffd" for each in text if not _CHANGES.match(each)
    )


def _three_digits(value: float) -> str:
    if not 0.01 <= abs(value) < 1e6:
        return "%.3g" % value
    return fixed(value, 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0)
