"""Renders the table in any form of ``/metrics``, piece by piece.

It replaces ``generate_latest`` of prometheus_client, which is slow for many series. Here the labels
of a series are encoded once, and the numbers of a family many at a time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from ..clock import Clock
from ..control.control import Control
from ..faults import Faults
from ..identity.labels import IdentityLabels
from ..own_metrics import OwnMetrics
from ..table.plugin import Plugin
from ..table.table import Table
from . import columns
from . import families as f
from .columns import Column, Moment
from .encoding import Encoding, Form, Pairs
from .plugin_series import PluginSeries, Rows

#: The most rows of a column that are rendered at once, and about the most bytes of their text.
DEFAULT_BATCH, DEFAULT_BATCH_BYTES = 500, 64 * 1024
#: Seconds without a scrape after which the encoded labels of a form are dropped.
DEFAULT_KEEP_SECONDS = 300.0

Plugins = dict[IdentityLabels, PluginSeries]


@dataclass(eq=False, kw_only=True)
class Exposition:
    """The content of ``/metrics``. Belongs to the event loop; rendering doesn't await."""

    table: Table
    control: Control
    own: OwnMetrics
    faults: Faults
    clock: Clock
    node: Mapping[str, str]

    def __post_init__(self) -> None:
        #: By label encoder: the time of its last scrape, and the plugins of that scrape.
        self._known: dict[Callable[[Pairs], bytes], tuple[float, Plugins]] = {}

    def render(self, form: Form) -> Iterator[bytes]:
        """Yield an answer in pieces, some of them empty. The last has the collector's own metrics.

        Others may have their turn between two pieces. The series of an answer are chosen at one
        moment, and all numbers of one row in one family are read at one moment. A row that can't
        be rendered is left out of its family, logged and counted.
        """
        took, begin = 0.0, self.clock.monotonic()
        for piece in self._pieces(form):
            took += self.clock.monotonic() - begin
            yield piece
            begin = self.clock.monotonic()
        self.own.scrape_seconds.observe(took)
        yield form.encoding.own(self.own.registry)

    def _pieces(self, form: Form) -> Iterator[bytes]:
        encoding = form.encoding
        yield from self._prepare(encoding)
        self.clock.refresh()
        offset = self.clock.offset
        gone = list(self.table.gone.rows.values())
        shown: dict[f.Family, list[tuple[Column, Rows]]] = {
            family: [] for family in f.ALL if form.live or not family.live
        }
        for rows, in_columns in self._rows(encoding):
            for column in in_columns:
                if rows.rows and column.family in shown:
                    shown[column.family].append((column, rows))
        # Nothing was awaited since `gone` was copied, so no plugin is in both.
        for start in range(0, len(gone), DEFAULT_BATCH):
            rows = Rows()
            for row in gone[start : start + DEFAULT_BATCH]:
                with self._kept(row.identity):
                    rows.add(encoding.labels(row.identity.pairs()), row)
            shown[f.EXITS].append((columns.EXITS, rows))
            yield b""
        for family, parts in shown.items():
            begun = False
            for column, rows in parts:
                for batch in _batches(column, rows):
                    moment = Moment(self.clock.monotonic(), offset)
                    samples = b"".join(self._batch(encoding, column, batch, moment))
                    if samples:
                        samples = encoding.family(family, samples, begun=begun)
                        begun = True
                    yield samples

    def _prepare(self, encoding: Encoding) -> Iterator[bytes]:
        """Encode the labels of new series. Others have their turn between two pieces."""
        now = self.clock.monotonic()
        _, plugins = self._known.setdefault(encoding.labels, (now, {}))
        for plugin in list(self.table.shown(now)):
            with self._kept(plugin.identity):
                known = self._follow(plugins, plugin, encoding)
                known.retry(self.faults)
                while known.follow(DEFAULT_BATCH, self.faults):
                    yield b""

    def _follow(self, plugins: Plugins, plugin: Plugin, encoding: Encoding) -> PluginSeries:
        known = plugins.get(plugin.identity)
        if known is None or known.plugin is not plugin:
            known = plugins[plugin.identity] = PluginSeries(plugin, encoding.labels)
        return known

    def _rows(self, encoding: Encoding) -> list[tuple[Rows, Sequence[Column]]]:
        """Return all rows but those of plugins that have left, each with its columns."""
        plugins, infos, stamps, node = Rows(), Rows(), Rows(), Rows()
        knobs, counts, texts = self._knobs(encoding)
        by_kind = {kind: Rows() for kind in columns.KINDS}
        for each in self._shown(encoding):
            plugins.add(each.labels, each.plugin)
            with self._kept(each.plugin.identity):
                infos.add(each.info(), each.plugin)
            stamps.extend(each.stamps)
            for kind, rows in each.by_kind.items():
                by_kind[kind].extend(rows)
        with self._kept("the node"):
            node.add(encoding.labels(self.node.items()), self.node)
        return [
            *((by_kind[name], kind.columns) for name, kind in columns.KINDS.items()),
            (stamps, [columns.UPDATED]),
            (plugins, columns.PLUGIN),
            (infos, [columns.INFO]),
            (knobs, columns.KNOB),
            (texts, [columns.KNOB_INFO]),
            (counts, columns.KNOB_COUNTS),
            (node, [columns.NODE_INFO]),
        ]

    def _knobs(self, encoding: Encoding) -> tuple[Rows, Rows, Rows]:
        """Return the rows of knobs, of their counts, and of knobs whose values are strings."""
        knobs, counts, texts = Rows(), Rows(), Rows()
        control, seen = self.control, set()
        for knob in control.knobs():
            seen.add(knob.key)
            if knob.is_shown:
                with self._kept(knob.key):
                    pairs, value = knob.key.pairs(), knob.newest.value
                    knobs.add(encoding.labels(pairs), knob)
                    counts.add(encoding.labels(pairs), knob.setting)
                    if isinstance(value, str):
                        texts.add(encoding.labels([*pairs, ("value", value)]), knob)
        for key in control.settings.keys() - seen:
            plugin = self.table.plugins.get(key.identity)
            if plugin is not None and not plugin.pending:
                with self._kept(key):
                    counts.add(encoding.labels(key.pairs()), control.settings[key])
        return knobs, counts, texts

    def _shown(self, encoding: Encoding) -> list[PluginSeries]:
        """Return the shown plugins with all their series, and forget those that have left."""
        now = self.clock.monotonic()
        before = self._known[encoding.labels][1]
        plugins: Plugins = {}
        for plugin in self.table.shown(now):
            with self._kept(plugin.identity):
                known = self._follow(before, plugin, encoding)
                while known.follow(DEFAULT_BATCH, self.faults):
                    pass
                plugins[plugin.identity] = known
        self._known[encoding.labels] = now, plugins
        for encode, (at, _) in list(self._known.items()):
            if now - at > DEFAULT_KEEP_SECONDS:  # it would keep plugins that have left in memory
                del self._known[encode]
        return list(plugins.values())

    def _batch(self, encoding: Encoding, column: Column, rows: Rows, moment: Moment) -> list[bytes]:
        """Render all rows at once. If one fails, render each half by itself."""
        try:
            return _render(encoding, column, rows.labels, rows.rows, moment)
        except Exception as error:
            half = len(rows.rows) // 2
            if not half:
                text = f"can't render {column.family.name} of {rows.labels[0]!r}; it is left out"
                self.faults.note("exposition", text, error)
                return []
        return [
            *self._batch(encoding, column, rows.part(0, half), moment),
            *self._batch(encoding, column, rows.part(half, len(rows.rows)), moment),
        ]

    def _kept(self, whom: object) -> AbstractContextManager[None]:
        return self.faults.kept("exposition", f"can't render {whom!r}; it is left out")


def _batches(column: Column, rows: Rows) -> Iterator[Rows]:
    """Yield the rows of a column in batches that fit into a piece."""
    start = 0
    while start < len(rows.rows):
        batch = rows.part(start, start + DEFAULT_BATCH)
        size = sum(map(len, batch.labels)) * column.lines
        if size > DEFAULT_BATCH_BYTES:
            fitting = max(len(batch.rows) * DEFAULT_BATCH_BYTES // size, 1)
            batch = batch.part(0, fitting)
        yield batch
        start += len(batch.rows)


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
