"""The text forms: Prometheus text 0.0.4 and OpenMetrics 1.0.0, which differ only in headers.

A line is the name of its family, the encoded labels of its series, and a number. The numbers of a
column are encoded at once, and the pieces of all its lines are joined at once.
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

#: How msgspec writes NaN and infinities.
_NULL = b"null"


def label_text(pairs: Pairs) -> bytes:
    """Return ``a="1",b="2"``, sorted and escaped. What isn't Unicode becomes ``?``."""
    text = ",".join([f'{label}="{escape(value)}"' for label, value in sorted(pairs)])
    return text.encode("utf-8", "replace")


def escape(value: str) -> str:
    """Escape a label value."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def number_texts(values: Sequence[float]) -> list[bytes]:
    """Return the texts of some floats, at least one.

    msgspec writes floats several times as fast as Python does.
    """
    texts = json.encode(values)[1:-1].split(b",")
    if _NULL in texts:
        return [
            text if text != _NULL else _odd(value)
            for value, text in zip(values, texts, strict=True)
        ]
    return texts


def _odd(value: float) -> bytes:
    """Return the text of NaN or an infinity."""
    if math.isnan(value):
        return b"NaN"
    return b"+Inf" if value > 0 else b"-Inf"


class Text:
    """A text encoding. See :class:`.encoding.Encoding`.

    ``counter_suffix``: what HELP and TYPE lines leave out of a counter's name.
    """

    def __init__(
        self, content_type: str, own: Callable[[CollectorRegistry], bytes], counter_suffix: str
    ) -> None:
        self.content_type = content_type
        self.own = own
        self.labels: Callable[[Pairs], bytes] = label_text
        self._counter_suffix = counter_suffix

    def samples(
        self,
        family: Family,
        labels: Sequence[bytes],
        numbers: Sequence[float],
        more: tuple[str, str] | None = None,
    ) -> bytes:
        """Return the lines of a column. ``more`` is another label of all of them."""
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
        lines = _histogram(family.name)
        texts = []
        for label, one in zip(labels, totals, strict=True):
            numbers = *one.buckets.cumulated(), one.count, *number_texts([one.sum / 1e9])
            # `label` is put in last, since it may contain a NUL or a `%`.
            texts.append((lines % numbers).replace(b"\0", label))
        return b"".join(texts)

    def family(self, family: Family, samples: bytes, *, begun: bool) -> bytes:
        """Return a piece of a family. The first piece has the HELP and TYPE lines."""
        if begun:
            return samples
        name = family.name
        if family.type == "counter":
            name = name.removesuffix(self._counter_suffix)
        header = f"# HELP {name} {family.help}\n# TYPE {name} {family.type}\n"
        return header.encode() + samples


TEXT = Text("text/plain; version=0.0.4; charset=utf-8", generate_latest, "")
#: Its headers name a counter without ``_total``.
OPENMETRICS = Text(
    "application/openmetrics-text; version=1.0.0; charset=utf-8", openmetrics_latest, "_total"
)


@cache
def _histogram(name: str) -> bytes:
    """Return the lines of a histogram as a ``%`` template, with a NUL in place of the labels.

    To keep the lines of each series would take 3 kB each.
    """
    bounds = [*map(str, BOUNDS), "+Inf"]
    buckets = "".join(f'{name}_bucket{{\0,le="{bound}"}} %d.0\n' for bound in bounds)
    return f"{buckets}{name}_count{{\0}} %d.0\n{name}_sum{{\0}} %b\n".encode()
