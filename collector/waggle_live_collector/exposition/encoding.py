"""What each form of ``/metrics`` has to write. The forms: ``text.py``, ``protobuf.py``.

An encoding writes columns: one family of many series at a time. ``columns.py`` decides what is
shown.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from prometheus_client import CollectorRegistry

from ..table.kinds.timer import TimerTotals
from .families import Family

#: Label names and values.
Pairs = Iterable[tuple[str, str]]


class Encoding(Protocol):
    """Writes families. Holds nothing of any series, and may be used in any thread."""

    content_type: str
    #: Encodes the labels of a series, whatever their values are. The result is kept, once for all
    #: encodings that have this same function.
    labels: Callable[[Pairs], bytes]

    def own(self, registry: CollectorRegistry, /) -> bytes:
        """Return the collector's own metrics, which come last."""

    def samples(
        self,
        family: Family,
        labels: Sequence[bytes],
        numbers: Sequence[float],
        more: tuple[str, str] | None = None,
    ) -> bytes:
        """Return the samples of a column of at least one series, of a gauge or counter.

        ``more`` is one more label that all of them have. Raises any error for a number that
        can't be written: nothing is written then.
        """

    def histograms(
        self, family: Family, labels: Sequence[bytes], totals: Sequence[TimerTotals]
    ) -> bytes:
        """Return a column of at least one histogram; raises as :meth:`samples` does."""

    def family(self, family: Family, samples: bytes, *, begun: bool) -> bytes:
        """Return a piece of a family: columns of it, and what has to stand before them.

        ``begun``: it is not the first piece of that family.
        """


class Form(NamedTuple):
    """What a scraper asked for.

    Without ``live`` the families that only look back a moment are left out.
    """

    encoding: Encoding
    live: bool = True
