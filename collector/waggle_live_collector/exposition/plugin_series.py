"""The series of one plugin as a form of ``/metrics`` knows them: by kind, with their labels.

The labels of a series are encoded once and kept. Nothing else of what is shown is.
"""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from ..identity.labels import ProcessInfo
from ..table.plugin import Plugin
from .columns import KINDS
from .encoding import Pairs

_INFO = ("app_id", "version", "host", "zone", "client")


class Rows:
    """What has a line in each of some columns, and the labels of each."""

    __slots__ = ("labels", "rows")

    def __init__(self, labels: Sequence[bytes] = (), rows: Sequence[Any] = ()) -> None:
        self.labels = list(labels)
        self.rows = list(rows)

    def add(self, labels: bytes, row: Any) -> None:
        """Take in one more."""
        self.labels.append(labels)
        self.rows.append(row)

    def extend(self, more: "Rows") -> None:
        """Take in all of ``more``."""
        self.labels += more.labels
        self.rows += more.rows


class PluginSeries:
    """Series and stamps of a plugin with labels, encoded by ``encode``."""

    def __init__(self, plugin: Plugin, encode: Callable[[Pairs], bytes]) -> None:
        self.plugin = plugin
        self._encode = encode
        self._pairs = plugin.identity.pairs()
        self.labels = encode(self._pairs)
        self.by_kind: dict[str, Rows] = {}
        self.stamps = Rows()
        #: Series whose labels can't be encoded: they are not shown.
        self.left_out = 0
        self._seen = self._seen_stamps = 0
        self._info: tuple[ProcessInfo | None, bytes] = (None, b"")

    def follow(self, fail: Callable[[str, object], None]) -> None:
        """Take in the series that are new; between two scrapes series and names only come.

        ``fail`` is called where one is left out, while its error is handled.
        """
        plugin, stamps = self.plugin, self.stamps
        if len(plugin.series) == self._seen:
            return
        # Stamps stand in the order of the first series of each, whose labels they share.
        new = islice(plugin.stamps.values(), self._seen_stamps, None)
        stamp = next(new, None)
        for key, series in islice(plugin.series.items(), self._seen, None):
            self._seen += 1
            is_first = series.stamp is stamp
            if is_first:
                self._seen_stamps += 1
                stamp = next(new, None)
            try:
                label = KINDS[key.kind].label
                named = [(label, key.name)] if label else []
                labels = self._encode([*self._pairs, *named, *key.labels])
            except Exception:
                self.left_out += 1
                fail("labels", key)
                continue
            self.by_kind.setdefault(key.kind, Rows()).add(labels, series)
            if is_first:
                stamps.add(labels, series.stamp)

    def info(self) -> bytes:
        """Return the labels of what is known of the plugin's newest process."""
        info = self.plugin.info
        if info is not self._info[0]:
            pairs = [(name, getattr(info, name)) for name in _INFO]
            pairs.append(("verified", "yes" if info.verified else "no"))
            self._info = info, self._encode([*self._pairs, *pairs])
        return self._info[1]
