"""Renders the table as Prometheus text 0.0.4 or OpenMetrics 1.0.0, which differ in headers.

Written for this table instead of using ``generate_latest``, because a scrape is what this
service is for: text is kept per series (``lines.py``), and what did not change is only joined.
"""

from collections.abc import Callable, Mapping

from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_latest

from ..clock import Clock
from ..own_metrics import OwnMetrics
from ..table.plugin import Plugin
from ..table.table import Table
from . import families as f
from .format import prefix
from .plugin_lines import PluginLines
from .rendered import FAMILIES, StampLine, make

CONTENT_TYPE_TEXT = "text/plain; version=0.0.4; charset=utf-8"
CONTENT_TYPE_OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_HEADERS = {
    openmetrics: {family: family.header(openmetrics=openmetrics) for family in f.ALL}
    for openmetrics in (False, True)
}

Sinks = dict[str, list[Callable[[bytes], None]]]


class Exposition:
    """The text of ``/metrics``. Belongs to the event loop; rendering does not await."""

    def __init__(
        self, *, table: Table, own: OwnMetrics, clock: Clock, node: Mapping[str, str]
    ) -> None:
        self._table = table
        self._own = own
        self._clock = clock
        self._node = prefix(f.NODE_INFO.name, node.items()) + b"1.0\n"

    def render(self, *, openmetrics: bool) -> list[bytes]:
        """Return the whole text as it is now, in pieces that want joining."""
        begin = self._clock.monotonic()
        parts = self._parts(openmetrics=openmetrics)
        self._own.scrape_seconds.observe(self._clock.monotonic() - begin)
        parts.append((openmetrics_latest if openmetrics else generate_latest)(self._own.registry))
        return parts

    def render_table(self, *, openmetrics: bool) -> bytes:
        """Return the families of the table alone, without an end mark."""
        return b"".join(self._parts(openmetrics=openmetrics))

    def _parts(self, *, openmetrics: bool) -> list[bytes]:
        self._clock.refresh()
        now = self._clock.monotonic()
        chunks: dict[f.Family, list[bytes]] = {family: [] for family in f.ALL}
        sinks = {
            kind: [chunks[family].append for family in families]
            for kind, families in FAMILIES.items()
        }
        for plugin in self._table.shown(now):
            self._series(plugin, sinks, chunks[f.UPDATED], now)
            if plugin.lines is None:
                plugin.lines = PluginLines(plugin)
            plugin.lines.put(chunks, self._clock)
        chunks[f.NODE_INFO].append(self._node)
        headers = _HEADERS[openmetrics]
        parts: list[bytes] = []
        for family, lines in chunks.items():
            if any(lines):
                parts.append(headers[family])
                parts += lines
        return parts

    def _series(self, plugin: Plugin, sinks: Sinks, updated: list[bytes], now: float) -> None:
        """Put the chunks of each series where those of its kind go."""
        for series in plugin.series.values():
            lines = series.lines
            if lines is None:
                lines = series.lines = make(series, plugin.identity)
            # Not strict, which would double what this costs.
            for put, chunk in zip(sinks[lines.kind], lines.render(now)):  # noqa: B905
                put(chunk)
        for stamp in plugin.stamps.values():
            line = stamp.line
            if line is None:
                line = stamp.line = StampLine(stamp, plugin.identity.pairs())
            updated.append(line.render(self._clock))
