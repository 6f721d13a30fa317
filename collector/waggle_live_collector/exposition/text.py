"""The text forms: Prometheus text 0.0.4 and OpenMetrics 1.0.0, which differ in headers alone.

A line is the name of its family, the labels of its series, which are written once and kept, and a
number. The lines of a column are one comprehension and one join.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_latest

from ..table.kinds.timer import BOUNDS, TimerTotals
from .encoding import Pairs
from .families import Family

#: From here on Go writes exponents; below, a float is written as Python does.
_PLAIN = 1_000_000


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
    text = repr(value)
    if 0 <= value < _PLAIN:  # nearly all
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
        distinct = set(numbers)
        value = b"%b"
        texts: Sequence[float | bytes]
        # Zeros are left out, for two of them are equal and not written alike.
        if 4 * len(distinct) <= len(numbers) and 0.0 not in distinct:
            known = {each: number(each) for each in distinct}
            texts = [known[each] for each in numbers]
        elif min(distinct) >= 0 and max(distinct) < _PLAIN and sum(distinct) >= 0:  # and no NaN
            value, texts = b"%a", numbers
        else:
            texts = [number(each) for each in numbers]
        last = b"" if more is None else b"," + label_text([more]).replace(b"%", b"%%")
        line = b"%b{%%b%b} %b\n" % (family.name.encode(), last, value)
        return b"".join([line % pair for pair in zip(labels, texts, strict=True)])

    def histograms(
        self, family: Family, labels: Sequence[bytes], totals: Sequence[TimerTotals]
    ) -> bytes:
        """Return the lines of a column of histograms."""
        plain, any_size = _histogram(family.name)
        texts = []
        for label, one in zip(labels, totals, strict=True):
            counts, total = (*_cumulated(one), one.count), number(one.sum / 1e9)
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


def _cumulated(totals: TimerTotals) -> Iterable[int]:
    return accumulate(totals.bins)
