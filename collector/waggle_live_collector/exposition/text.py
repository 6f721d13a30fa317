"""The text forms: Prometheus text 0.0.4 and OpenMetrics 1.0.0, which differ in headers alone.

A line is the name of its family, the labels of its series, which are written once and kept, and a
number. The numbers of a column are written at once, and the pieces of all its lines joined at once.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache

from msgspec import json
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_latest

from ..table.buckets import BOUNDS
from ..table.kinds.timer import TimerTotals
from .encoding import Pairs
from .families import Family

#: From here on Go writes exponents; below, a float is written as Python does.
_PLAIN = 1_000_000
#: From here on Python does, too.
_LONGEST = 1e16
#: Unix times from September 2001 to May 2033, both excluded.
_SINCE, _UNTIL = 1e9, 2e9


def label_text(pairs: Pairs) -> bytes:
    """Return ``a="1",b="2"``, sorted by label name and escaped.

    What isn't Unicode becomes a question mark.
    """
    text = ",".join([f'{label}="{escape(value)}"' for label, value in sorted(pairs)])
    return text.encode("utf-8", "replace")


def escape(value: str) -> str:
    """Escape a label value."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def number(value: float) -> bytes:
    """Return a number as Prometheus clients write it (Go's shortest form, nearly)."""
    value = float(value)
    text = repr(value).encode()
    if _PLAIN <= value < _LONGEST:
        return _exponential(text)
    if math.isfinite(value):
        return text
    if math.isnan(value):
        return b"NaN"
    return b"+Inf" if value > 0 else b"-Inf"


def _exponential(text: bytes) -> bytes:
    """Return a positive number that has a point, and digits before it, with an exponent."""
    point = text.index(b".")
    mantissa = text[:1] + b"." + text[1:point] + text[point + 1 :]
    return b"%be+%02d" % (mantissa.rstrip(b"0."), point - 1)


def number_texts(values: Sequence[float]) -> list[bytes]:
    """Return what :func:`number` returns for each of some floats, at least one, but quicker.

    msgspec writes floats several times as fast as Python, and as Python does where neither needs an
    exponent.
    """
    texts = json.encode(values)[1:-1]
    of_time = _SINCE < values[0] < _UNTIL and min(values) > _SINCE and max(values) < _UNTIL
    if of_time and b"null" not in texts:  # which stands for NaN
        # All of them are 1.…e+09: what stands behind the 1 is all that differs.
        digits = texts[1:].replace(b".", b"").split(b",1")
        return [b"1.%be+09" % each.rstrip(b"0") for each in digits]
    return [
        text
        if 1e-4 <= value < _PLAIN or not value
        else _exponential(text)
        if _PLAIN <= value < _LONGEST
        else number(value)
        for value, text in zip(values, texts.split(b","), strict=True)
    ]


class Text:
    """Writes the one or the other. See :class:`.encoding.Encoding`."""

    def __init__(
        self, content_type: str, own: Callable[[CollectorRegistry], bytes], counter_suffix: str
    ) -> None:
        self.content_type = content_type
        self.own = own
        self.labels: Callable[[Pairs], bytes] = label_text
        #: What is not of a counter's name in its headers.
        self._counter_suffix = counter_suffix

    def samples(
        self,
        family: Family,
        labels: Sequence[bytes],
        numbers: Sequence[float],
        more: tuple[str, str] | None = None,
    ) -> bytes:
        """Return the lines of a column; ``more`` is one more label of all of them."""
        last = b"" if more is None else b"," + label_text([more])
        line = [family.name.encode() + b"{", b"", last + b"} ", b"", b"\n"]
        pieces = line * len(labels)
        pieces[1 :: len(line)] = labels
        pieces[3 :: len(line)] = number_texts(numbers)
        return b"".join(pieces)

    def histograms(
        self, family: Family, labels: Sequence[bytes], totals: Sequence[TimerTotals]
    ) -> bytes:
        """Return the lines of a column of histograms."""
        plain, any_size = _histogram(family.name)
        texts = []
        for label, one in zip(labels, totals, strict=True):
            counts, total = (*one.buckets.cumulated(), one.count), number(one.sum / 1e9)
            if one.count < _PLAIN:
                text = plain % (*counts, total)
            else:
                text = any_size % (*map(number, counts), total)
            # No label has a newline in it (it is escaped there), but it may well have a NUL.
            texts.append(text.replace(b"\0", label))
        return b"".join(texts)

    def family(self, family: Family, chunks: list[bytes]) -> list[bytes]:
        """Return the parts of a family: its HELP and TYPE lines, and its columns."""
        name = family.name
        if family.type == "counter":
            name = name.removesuffix(self._counter_suffix)
        header = f"# HELP {name} {family.help}\n# TYPE {name} {family.type}\n"
        return [header.encode(), *chunks]


TEXT = Text("text/plain; version=0.0.4; charset=utf-8", generate_latest, "")
#: It names the family of a counter without ``_total``.
OPENMETRICS = Text(
    "application/openmetrics-text; version=1.0.0; charset=utf-8", openmetrics_latest, "_total"
)


@cache
def _histogram(name: str) -> tuple[bytes, bytes]:
    """Return the lines of a histogram: for counts below ``_PLAIN``, and for texts of any counts.

    A NUL stands for the labels. Keeping the lines of each series would take 3 kB of each.
    """
    bounds = [number(bound).decode() for bound in (*BOUNDS, math.inf)]
    buckets = "".join(f'{name}_bucket{{\0,le="{bound}"}} %d.0\n' for bound in bounds)
    lines = f"{buckets}{name}_count{{\0}} %d.0\n{name}_sum{{\0}} %b\n".encode()
    return lines, lines.replace(b"%d.0", b"%b")
