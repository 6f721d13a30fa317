"""The series of one plugin by kind, with their encoded labels.

The labels of a series are encoded once and kept. Numbers are encoded at each scrape.
"""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from ..faults import Faults
from ..identity.labels import ProcessInfo
from ..table.plugin import Plugin
from ..table.series import Key, Series
from .columns import KINDS
from .encoding import Pairs

_INFO = ("app_id", "version", "host", "zone", "client")


class Rows:
    """Rows of some columns, and the encoded labels of each row."""

    __slots__ = ("labels", "rows")

    def __init__(self, labels: Sequence[bytes] = (), rows: Sequence[Any] = ()) -> None:
        self.labels = list(labels)
        self.rows = list(rows)

    def add(self, labels: bytes, row: Any) -> None:
        """Add a row."""
        self.labels.append(labels)
        self.rows.append(row)

    def part(self, start: int, stop: int) -> "Rows":
        """Return the rows from ``start`` to ``stop``."""
        return Rows(self.labels[start:stop], self.rows[start:stop])

    def extend(self, more: "Rows") -> None:
        """Add all rows of ``more``."""
        self.labels += more.labels
        self.rows += more.rows


class PluginSeries:
    """The series and stamps of a plugin, with labels encoded by ``encode``."""

    def __init__(self, plugin: Plugin, encode: Callable[[Pairs], bytes]) -> None:
        self.plugin = plugin
        self._encode = encode
        self._pairs = plugin.identity.pairs()
        self.labels = encode(self._pairs)
        self.by_kind: dict[str, Rows] = {}
        self.stamps = Rows()
        #: Series whose labels can't be encoded, and whether each is the first one of its stamp.
        self._left_out: list[tuple[Key, Series, bool]] = []
        self._seen = self._seen_stamps = 0
        self._info: tuple[ProcessInfo | None, bytes] = (None, b"")

    def follow(self, most: int, faults: Faults) -> bool:
        """Add at most ``most`` new series; tell whether there were any.

        A plugin never loses a series, so the new ones are the last.
        """
        plugin = self.plugin
        if len(plugin.series) == self._seen:
            return False
        # Stamps are in the order of the first series of each, and have its labels.
        new = islice(plugin.stamps.values(), self._seen_stamps, None)
        stamp = next(new, None)
        for key, series in islice(plugin.series.items(), self._seen, self._seen + most):
            self._seen += 1
            is_first = series.stamp is stamp
            if is_first:
                self._seen_stamps += 1
                stamp = next(new, None)
            self._add(key, series, is_first, faults)
        return True

    def retry(self, faults: Faults) -> None:
        """Try again the series that were left out. A failure is logged again."""
        left_out, self._left_out = self._left_out, []
        for each in left_out:
            self._add(*each, faults)

    def _add(self, key: Key, series: Series, is_first: bool, faults: Faults) -> None:
        try:
            label = KINDS[key.kind].label
            named = [(label, key.name)] if label else []
            labels = self._encode([*self._pairs, *named, *key.labels])
        except Exception as error:
            self._left_out.append((key, series, is_first))
            faults.note("exposition", f"can't render {key!r}; it is left out", error)
            return
        self.by_kind.setdefault(key.kind, Rows()).add(labels, series)
        if is_first:
            self.stamps.add(labels, series.stamp)

    def info(self) -> bytes:
        """Return the labels of ``waggle_plugin_info``, about the plugin's newest process."""
        info = self.plugin.info
        if info is not self._info[0]:
            pairs = [(name, getattr(info, name)) for name in _INFO]
            pairs.append(("verified", "yes" if info.verified else "no"))
            self._info = info, self._encode([*self._pairs, *pairs])
        return self._info[1]
