"""Renders the table as Prometheus text 0.0.4 or OpenMetrics 1.0.0, which differ in headers.

Written for this table instead of using ``generate_latest``, because a scrape is what this
service is for: text is kept per series, and what did not change is only joined.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_latest

from ..clock import Clock
from ..identity.labels import IdentityLabels
from ..own_metrics import OwnMetrics
from ..table.table import Table
from . import families as f
from .format import prefix
from .plugin_lines import PluginLines, exit_lines
from .rendered import RENDERERS

CONTENT_TYPE_TEXT = "text/plain; version=0.0.4; charset=utf-8"
CONTENT_TYPE_OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_HEADERS = {
    openmetrics: {family: family.header(openmetrics=openmetrics) for family in f.ALL}
    for openmetrics in (False, True)
}


@dataclass(eq=False, kw_only=True)
class Exposition:
    """The text of ``/metrics``. Belongs to the event loop; rendering does not await."""

    table: Table
    own: OwnMetrics
    clock: Clock
    node: Mapping[str, str]

    def __post_init__(self) -> None:
        self._plugins: dict[IdentityLabels, PluginLines] = {}
        self._node = prefix(f.NODE_INFO.name, self.node.items()) + b"1.0\n"

    def render(self, *, openmetrics: bool) -> list[bytes]:
        """Return the whole text as it is now, in pieces; the collector's own is the last."""
        begin = self.clock.monotonic()
        parts = self._parts(openmetrics=openmetrics)
        self.own.scrape_seconds.observe(self.clock.monotonic() - begin)
        parts.append((openmetrics_latest if openmetrics else generate_latest)(self.own.registry))
        return parts

    def _parts(self, *, openmetrics: bool) -> list[bytes]:
        self.clock.refresh()
        now = self.clock.monotonic()
        chunks: dict[f.Family, list[bytes]] = {family: [] for family in f.ALL}
        sinks = {family: lines.append for family, lines in chunks.items()}
        by_kind = {
            kind: [sinks[family] for family in families]
            for kind, (_, families) in RENDERERS.items()
        }
        plugins: dict[IdentityLabels, PluginLines] = {}
        for plugin in self.table.shown(now):
            lines = self._plugins.get(plugin.identity)
            if lines is None or lines.plugin is not plugin:
                lines = PluginLines(plugin)
            plugins[plugin.identity] = lines
            lines.put(sinks, by_kind, self.clock, now)
        self._plugins = plugins  # without those that are gone
        for row in self.table.gone.rows.values():
            sinks[f.EXITS](exit_lines(row.identity.pairs(), row.exits))
        chunks[f.NODE_INFO].append(self._node)
        headers = _HEADERS[openmetrics]
        parts: list[bytes] = []
        for family, texts in chunks.items():
            if any(texts):
                parts.append(headers[family])
                parts += texts
        return parts
