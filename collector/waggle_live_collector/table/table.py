"""The table: every plugin this node knows of, and how much of it there may be.

Guarantees: totals only rise while a plugin is known; what is connected is never dropped;
a plugin leaves wholly, a holding time after its last process ended.
Belongs to the event loop; not thread-safe.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from waggle_live.wire.errors import ProtocolError

from ..identity.labels import IdentityLabels, Naming
from ..limits import Limits
from .merge import absorb
from .plugin import Key, Plugin
from .series import Series

if TYPE_CHECKING:
    from .process import Process

#: Seconds for which a plugin is not shown while its labels are being looked up.
DEFAULT_WITHHOLD_SECONDS = 2.0


class Table:
    """Plugins by identity. ``version`` rises with every change that a scrape could show."""

    def __init__(self, *, limits: Limits, hold_time: float) -> None:
        self.plugins: dict[IdentityLabels, Plugin] = {}
        self.version = 0
        #: Merged series of all plugins.
        self.series = 0
        #: Cells of all processes; kept by them.
        self.cells = 0
        #: Plugins that had to leave before their holding time was over, for lack of room.
        self.evicted = 0
        self._limits = limits
        self._hold_time = hold_time

    def plugin(self, naming: Naming, *, at: float, started: float) -> Plugin:
        """Return the plugin of that name, new or known; its claim is the newest to show."""
        identity, claim, pending = naming
        plugin = self.plugins.get(identity)
        if plugin is None:
            if len(self.plugins) >= self._limits.plugins and not self._make_room():
                raise ProtocolError("session_limit", "too many plugins are connected")
            plugin = self.plugins[identity] = Plugin(identity, claim, at=at, started=started)
            plugin.pending, plugin.shown_at = pending, at + DEFAULT_WITHHOLD_SECONDS
        plugin.claim = claim
        plugin.encoded = None
        self.version += 1
        return plugin

    def series_of(self, plugin: Plugin, key: Key) -> Series:
        """Return the merged series of ``key``, new or known, for one more cell."""
        if self.cells >= self._limits.series:
            raise ProtocolError("total_series_limit", "the collector holds too many cells")
        series = plugin.series.get(key)
        if series is None:
            if self.series >= self._limits.series and not self._make_room():
                raise ProtocolError("total_series_limit", "the collector holds too many series")
            series = plugin.add(key)
            self.series += 1
        return series

    def shown(self, now: float) -> Iterator[Plugin]:
        """Yield the plugins that a scrape shows: not those that are being looked up just now."""
        for plugin in self.plugins.values():
            if not plugin.pending or now >= plugin.shown_at:
                yield plugin

    def pending(self) -> set[str]:
        """Return the app_ids whose labels are not known yet."""
        return {plugin.pending for plugin in self.plugins.values() if plugin.pending}

    def settle(
        self, plugin: Plugin, identity: IdentityLabels, processes: Iterable[Process], now: float
    ) -> Plugin:
        """Move a pending plugin whole to its true identity; return what it is part of now.

        ``processes`` are all of it, lost ones included. If the identity is known already, the
        totals add up there, and none of them falls.
        """
        del self.plugins[plugin.identity]
        self.version += 1
        known = self.plugins.get(identity)
        if known is None:
            plugin.rename(identity)
            self.plugins[identity] = plugin
            return plugin
        self.series -= absorb(known, plugin, processes, now)
        return known

    def withdraw(self, plugin: Plugin, key: Key) -> None:
        """Take back a series of :meth:`series_of` whose very first cell was refused."""
        plugin.withdraw(key)
        self.series -= 1

    def restore(self, plugin: Plugin) -> None:
        """Take a plugin from the state file."""
        self.plugins[plugin.identity] = plugin
        self.series += len(plugin.series)
        self.version += 1

    def expire(self, now: float) -> None:
        """Drop the plugins whose holding time is over."""
        gone = [
            plugin
            for plugin in self.plugins.values()
            if plugin.left_at is not None and now - plugin.left_at >= self._hold_time
        ]
        for plugin in gone:
            self._drop(plugin)

    def _make_room(self) -> bool:
        """Drop the plugin that left first; False when all are connected."""
        left = [plugin for plugin in self.plugins.values() if plugin.left_at is not None]
        if not left:
            return False
        self._drop(min(left, key=lambda plugin: plugin.left_at or 0.0))
        self.evicted += 1
        return True

    def _drop(self, plugin: Plugin) -> None:
        del self.plugins[plugin.identity]
        plugin.gone = True
        self.series -= len(plugin.series)
        self.version += 1
