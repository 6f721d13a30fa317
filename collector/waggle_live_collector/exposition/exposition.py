"""Renders the table in any form of ``/metrics``.

Written for this table instead of using ``generate_latest``, because a scrape is what this
service is for: the labels of a series are encoded once, and all numbers of a family at a time.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..clock import Clock
from ..faults import Faults
from ..identity.labels import IdentityLabels
from ..own_metrics import OwnMetrics
from ..table.table import Table
from . import columns
from . import families as f
from .columns import Column, Moment
from .encoding import Encoding, Form, Pairs
from .plugin_series import PluginSeries, Rows

log = logging.getLogger(__name__)

#: Rows of a column that are rendered at a time: what that takes is soon free for the next ones.
DEFAULT_BATCH = 500
#: Seconds after which the labels of a form that nobody asked for again are forgotten.
DEFAULT_KEEP_SECONDS = 300.0

Chunks = dict[f.Family, list[bytes]]
Plugins = dict[IdentityLabels, PluginSeries]


@dataclass(eq=False, kw_only=True)
class Exposition:
    """What ``/metrics`` says. Belongs to the event loop; rendering does not await."""

    table: Table
    own: OwnMetrics
    faults: Faults
    clock: Clock
    node: Mapping[str, str]

    def __post_init__(self) -> None:
        self._errors = self.own.errors.labels("exposition")
        #: By what encodes the labels: when it was last asked for, and the plugins then.
        self._known: dict[Callable[[Pairs], bytes], tuple[float, Plugins]] = {}
        #: What a failure was logged of: families, and labels.
        self._failed: set[str] = set()

    def render(self, form: Form) -> list[bytes]:
        """Return the whole answer as it is now, in parts; the collector's own is the last.

        A row that can't be rendered is left out of its family, logged and counted.
        """
        begin = self.clock.monotonic()
        parts = self._parts(form)
        self.own.scrape_seconds.observe(self.clock.monotonic() - begin)
        parts.append(form.encoding.own(self.own.registry))
        return parts

    def _parts(self, form: Form) -> list[bytes]:
        self.clock.refresh()
        moment = Moment(self.clock.monotonic(), self.clock.offset)
        encoding = form.encoding
        chunks: Chunks = {family: [] for family in f.ALL if form.live or not family.live}
        for rows, shown in self._rows(encoding, moment.now):
            for column in shown:
                if rows.rows and column.family in chunks:
                    chunks[column.family] += self._column(encoding, column, rows, moment)
        parts: list[bytes] = []
        for family, texts in chunks.items():
            if texts:
                parts += encoding.family(family, texts)
        return parts

    def _rows(self, encoding: Encoding, now: float) -> list[tuple[Rows, Sequence[Column]]]:
        """Return all that is shown, each with the columns that it is shown in."""
        known = self._follow(encoding, now)
        plugins, infos, stamps = Rows(), Rows(), Rows()
        by_kind = {kind: Rows() for kind in columns.KINDS}
        for each in known:
            plugins.add(each.labels, each.plugin)
            infos.add(each.info(), each.plugin)
            stamps.extend(each.stamps)
            for kind, rows in each.by_kind.items():
                by_kind[kind].extend(rows)
        gone, node = Rows(), Rows()
        for row in self.table.gone.rows.values():
            gone.add(encoding.labels(row.identity.pairs()), row)
        node.add(encoding.labels(self.node.items()), self.node)
        return [
            *((by_kind[name], kind.columns) for name, kind in columns.KINDS.items()),
            (stamps, [columns.UPDATED]),
            (plugins, columns.PLUGIN),
            (infos, [columns.INFO]),
            (gone, [columns.EXITS]),
            (node, [columns.NODE_INFO]),
        ]

    def _follow(self, encoding: Encoding, now: float) -> list[PluginSeries]:
        """Return the plugins with all of their series; those that are gone are forgotten."""
        _, before = self._known.get(encoding.labels, (now, {}))
        plugins: Plugins = {}
        for plugin in self.table.shown(now):
            known = before.get(plugin.identity)
            if known is None or known.plugin is not plugin:
                known = PluginSeries(plugin, encoding.labels)
            known.follow(self._fail)
            if known.left_out:
                self._errors.inc(known.left_out)
            plugins[plugin.identity] = known
        self._known[encoding.labels] = now, plugins
        for encode, (at, _) in list(self._known.items()):
            if now - at > DEFAULT_KEEP_SECONDS:  # or it would hold on to plugins that are gone
                del self._known[encode]
        return list(plugins.values())

    def _column(
        self, encoding: Encoding, column: Column, rows: Rows, moment: Moment
    ) -> list[bytes]:
        chunks: list[bytes] = []
        for start in range(0, len(rows.rows), DEFAULT_BATCH):
            end = start + DEFAULT_BATCH
            chunks += self._batch(
                encoding, column, rows.labels[start:end], rows.rows[start:end], moment
            )
        return chunks

    def _batch(
        self,
        encoding: Encoding,
        column: Column,
        labels: Sequence[bytes],
        rows: Sequence[Any],
        moment: Moment,
    ) -> list[bytes]:
        """Render all rows at a time; if one of them fails, each half by itself."""
        try:
            return _render(encoding, column, labels, rows, moment)
        except Exception:
            if len(rows) == 1:
                self._errors.inc()
                self._fail(column.family.name, labels[0])
                return []
        half = len(rows) // 2
        return [
            *self._batch(encoding, column, labels[:half], rows[:half], moment),
            *self._batch(encoding, column, labels[half:], rows[half:], moment),
        ]

    def _fail(self, what: str, row: object) -> None:
        """Log the error that is being handled, once for each ``what``."""
        if what not in self._failed:
            self._failed.add(what)
            log.exception("can't render %s of %r; such rows are left out", what, row)


def _render(
    encoding: Encoding,
    column: Column,
    labels: Sequence[bytes],
    rows: Sequence[Any],
    moment: Moment,
) -> list[bytes]:
    family = column.family
    numbers = column.numbers(rows, moment)
    if None in numbers:
        there = [pair for pair in zip(labels, numbers, strict=True) if pair[1] is not None]
        if not there:
            return []
        labels, numbers = zip(*there, strict=True)
    if family.type == "histogram":
        return [encoding.histograms(family, labels, numbers)]
    if column.label:
        return [
            encoding.samples(family, labels, each, (column.label, value))
            for value, each in zip(column.values, zip(*numbers, strict=True), strict=True)
        ]
    return [encoding.samples(family, labels, numbers)]
