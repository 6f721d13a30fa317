"""The table: every plugin this node knows of, and how much of it there may be.

Guarantees: totals only rise while a plugin is known; what is connected is never dropped;
a plugin leaves a holding time after its last process ended, and its exits a day after.
Belongs to the event loop; not thread-safe.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from waggle_live.wire.errors import ProtocolError

from ..identity.labels import IdentityLabels, Naming
from ..limits import Limits
from .exits import Gone
from .plugin import Plugin

#: Seconds for which a plugin is not shown while its labels are being looked up.
DEFAULT_WITHHOLD_SECONDS = 2.0


@dataclass(eq=False, kw_only=True)
class Table:
    """Plugins by identity. ``version`` rises with every change that a scrape could show."""

    limits: Limits
    hold_time: float

    def __post_init__(self) -> None:
        self.plugins: dict[IdentityLabels, Plugin] = {}
        self.version = 0
        #: Merged series of all plugins.
        self.series = 0
        #: Cells of all processes; kept by them.
        self.cells = 0
        #: Plugins that had to leave before their holding time was over, for lack of room.
        self.evicted = 0
        self.gone = Gone()

    def plugin(self, naming: Naming, *, at: float, started: float) -> Plugin:
        """Return the plugin of that name, new or known; what its newest process told is shown."""
        identity, info, pending = naming
        plugin = self.plugins.get(identity)
        if plugin is None:
            if len(self.plugins) >= self.limits.plugins and not self._make_room():
                raise ProtocolError("session_limit", "too many plugins are connected")
            plugin = Plugin(identity, info, started=started, last_seen=at, left_at=at)
            plugin.pending, plugin.shown_at = pending, at + DEFAULT_WITHHOLD_SECONDS
            plugin.exits |= self.gone.take(identity)
            self.plugins[identity] = plugin
        plugin.info = info
        plugin.encoded = None
        self.version += 1
        return plugin

    def check_room(self, *, new_series: bool) -> None:
        """Make room for one more row of a process, which may be of a new series.

        Raises ProtocolError (``total_series_limit``).
        """
        if self.cells >= self.limits.series:
            raise ProtocolError("total_series_limit", "the collector holds too many cells")
        if new_series and self.series >= self.limits.series and not self._make_room():
            raise ProtocolError("total_series_limit", "the collector holds too many series")

    def shown(self, now: float) -> Iterator[Plugin]:
        """Yield the plugins that a scrape shows: not those that are being looked up just now."""
        for plugin in self.plugins.values():
            if not plugin.pending or now >= plugin.shown_at:
                yield plugin

    def pending(self) -> set[str]:
        """Return the app_ids whose labels are not known yet."""
        return {plugin.pending for plugin in self.plugins.values() if plugin.pending}

    def has(self, identity: IdentityLabels, *, verified: bool) -> bool:
        """Tell whether a plugin with these labels is known, or its exits: proven, or unproven."""
        plugin, gone = self.plugins.get(identity), self.gone.rows.get(identity)
        return (plugin is not None and plugin.info.verified == verified) or (
            gone is not None and gone.verified == verified
        )

    def settle(self, plugin: Plugin, identity: IdentityLabels) -> Plugin:
        """Give a plugin another identity; return the plugin that has it now.

        That is another one if it was known already: the caller then merges the two.
        """
        del self.plugins[plugin.identity]
        self.version += 1
        known = self.plugins.setdefault(identity, plugin)
        if known is plugin:
            for status, count in self.gone.take(identity).items():
                plugin.exits[status] += count
            plugin.identity, plugin.encoded = identity, None
        return known

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
            if not plugin.processes
            and plugin.left_at is not None
            and now - plugin.left_at >= self.hold_time
        ]
        for plugin in gone:
            self._drop(plugin)
        if self.gone.expire(now):
            self.version += 1

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
        if not plugin.pending:
            left_at, verified = plugin.left_at or 0.0, plugin.info.verified
            self.gone.add(plugin.identity, plugin.exits, left_at, verified)
        plugin.gone = True
        self.series -= len(plugin.series)
        self.version += 1
