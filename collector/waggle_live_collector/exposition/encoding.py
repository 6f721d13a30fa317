"""The interface of the encodings of ``/metrics``: ``text.py`` and ``protobuf.py``.

An encoding writes columns: one family of many series at a time. ``columns.py`` says what is shown.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from prometheus_client import CollectorRegistry

from ..table.kinds.timer import TimerTotals
from .families import Family

#: Pairs of label name and value.
Pairs = Iterable[tuple[str, str]]


class Encoding(Protocol):
    """Writes families. Keeps no state of a series. Thread-safe."""

    content_type: str
    #: Encodes the labels of a series, with any values. The result is kept, and shared by all
    #: encodings with the same function.
    labels: Callable[[Pairs], bytes]

    def own(self, registry: CollectorRegistry, /) -> bytes:
        """Return the collector's own metrics, the end of an answer."""

    def samples(
        self,
        family: Family,
        labels: Sequence[bytes],
        numbers: Sequence[float],
        more: tuple[str, str] | None = None,
    ) -> bytes:
        """Return the samples of at least one series, for a family of gauges or counters.

        ``more`` is another label of all of them. May raise any error for a number that can't be
        written.
        """

    def histograms(
        self, family: Family, labels: Sequence[bytes], totals: Sequence[TimerTotals]
    ) -> bytes:
        """Return the samples of at least one histogram. Raises as :meth:`samples` does."""

    def family(self, family: Family, samples: bytes, *, begun: bool) -> bytes:
        """Return a piece of a family: its samples, after the header that they need.

        ``begun``: the family had a piece before.
        """


class Form(NamedTuple):
    """What a scraper asked for. Without ``live``, families with ``Family.live`` are left out."""

    encoding: Encoding
    live: bool = True
