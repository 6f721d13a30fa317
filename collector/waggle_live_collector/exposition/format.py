"""The text format: labels, numbers and lines, as Prometheus clients write them."""

import math
from collections.abc import Iterable

Pairs = Iterable[tuple[str, str]]


def label_text(pairs: Pairs) -> str:
    """Return ``a="1",b="2"``, sorted by label name and escaped."""
    return ",".join(f'{label}="{escape(value)}"' for label, value in sorted(pairs))


def escape(value: str) -> str:
    """Escape a label value."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def prefix(sample: str, pairs: Pairs) -> bytes:
    """Return a line up to its value, to be joined with one."""
    return f"{sample}{{{label_text(pairs)}}} ".encode()


def line(before: bytes, value: float | None) -> bytes:
    """Return a whole line of its prefix and value; nothing without a value."""
    if value is None:
        return b""
    if 0 <= value < 1e6:  # nearly all; this is what `number` returns, in half of the time
        return b"%b%a\n" % (before, float(value))
    return b"%b%b\n" % (before, number(value))


def around(sample: str, pairs: Pairs, label: str) -> tuple[bytes, bytes]:
    """Return a line up to, and from, the value of one more label, up to the line's value."""
    pairs = list(pairs)
    lower = label_text(pair for pair in pairs if pair[0] < label)
    higher = label_text(pair for pair in pairs if pair[0] > label)
    before = f'{sample}{{{lower}{"," if lower else ""}{label}="'
    after = f'"{"," if higher else ""}{higher}}} '
    return before.encode(), after.encode()


def template(sample: str, pairs: Pairs, value: str = "%b") -> bytes:
    """Return a whole line as a ``%`` template with one place for its value."""
    line = prefix(sample, pairs).replace(b"%", b"%%")
    return line + value.encode() + b"\n"


def number(value: float) -> bytes:
    """Return a number as Prometheus clients write it (Go's shortest form, nearly)."""
    value = float(value)
    text = repr(value)
    if 0 <= value < 1e6:  # nearly all
        return text.encode()
    point = text.find(".")
    if value > 0 and point > 6:
        mantissa = f"{text[0]}.{text[1:point]}{text[point + 1 :]}".rstrip("0.")
        return f"{mantissa}e+{point - 1:02d}".encode()
    if math.isfinite(value):
        return text.encode()
    if math.isnan(value):
        return b"NaN"
    return b"+Inf" if value > 0 else b"-Inf"


def timestamp(milliseconds: int) -> bytes:
    """Return a Unix time in seconds as :func:`number` would, in a third of the time."""
    if 10**12 < milliseconds < 2 * 10**12:  # until 2033-05-18
        return b"%ae+09" % (milliseconds / 1e12)
    return number(milliseconds / 1000)
