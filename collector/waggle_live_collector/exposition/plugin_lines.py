"""The lines of one plugin: about itself, and of all its series. The caches of text live here."""

from collections.abc import Callable
from itertools import islice
from typing import Any

from waggle_live.wire.protocol import TAU

from ..clock import Clock
from ..identity.labels import ProcessInfo
from ..table.plugin import Plugin
from ..table.series import Key
from . import families as f
from .families import Family
from .format import Pairs, line, prefix
from .rendered import Lines, StampLine, make

_ITSELF = (f.UP, f.SESSIONS, f.START, f.LAST_SEEN, f.SILENT, f.CPU, f.MEMORY, f.TAU_LAST_DUMP)
_INFO = ("app_id", "version", "host", "zone", "client")
_TAU_RUN = Key(TAU, "", ())

#: What takes the chunks of each family.
Sinks = dict[Family, Callable[[bytes], None]]


class PluginLines:
    """Prefixes are rendered once; the few numbers about the plugin itself on every scrape."""

    def __init__(self, plugin: Plugin) -> None:
        self.plugin = plugin
        #: Those that stand in the prefixes; a plugin whose labels change is rendered anew.
        self.identity = plugin.identity
        self._pairs = plugin.identity.pairs()
        self._prefixes = {family: prefix(family.name, self._pairs) for family in _ITSELF}
        self._info: tuple[ProcessInfo | None, bytes] = (None, b"")
        self._by_kind: dict[str, list[Lines]] = {}
        self._series = 0
        self._stamps: list[StampLine] = []

    def put(self, sinks: Sinks, by_kind: dict[str, list[Any]], clock: Clock, now: float) -> None:
        """Hand each chunk to its family's sink; ``by_kind`` has those of a kind in their order."""
        self._follow()
        for kind, group in self._by_kind.items():
            puts = by_kind[kind]
            for lines in group:
                # Not strict, which would double what this costs.
                for put, chunk in zip(puts, lines.render(now)):  # noqa: B905
                    put(chunk)
        updated = sinks[f.UPDATED]
        for stamp in self._stamps:
            updated(stamp.render(clock))
        self._put_itself(sinks, clock, now)

    def _follow(self) -> None:
        """Make the lines of what is new; between two scrapes series and names only come."""
        plugin = self.plugin
        if len(plugin.series) != self._series:
            for key, series in islice(plugin.series.items(), self._series, None):
                self._by_kind.setdefault(key.kind, []).append(make(series, self._pairs))
            self._series = len(plugin.series)
            for stamp in islice(plugin.stamps.values(), len(self._stamps), None):
                self._stamps.append(StampLine(stamp, self._pairs))

    def _put_itself(self, sinks: Sinks, clock: Clock, now: float) -> None:
        plugin = self.plugin
        run = plugin.series.get(_TAU_RUN)
        values = {
            f.UP: plugin.up,
            f.SESSIONS: sum(1 for _ in plugin.connected()),
            f.START: round(plugin.started, 3),
            f.LAST_SEEN: clock.unix(plugin.last_seen),
            f.SILENT: plugin.silent_seconds(now),
            f.CPU: plugin.cpu_seconds(),
            f.MEMORY: plugin.memory_bytes(),
            f.TAU_LAST_DUMP: None if run is None else clock.unix(run.totals.dumped_at),
        }
        for family, value in values.items():
            sinks[family](line(self._prefixes[family], value))
        sinks[f.INFO](self._info_line())
        sinks[f.EXITS](exit_lines(self._pairs, plugin.exits))

    def _info_line(self) -> bytes:
        info = self.plugin.info
        if info is not self._info[0]:
            pairs = [(name, getattr(info, name)) for name in _INFO]
            pairs.append(("verified", "yes" if info.verified else "no"))
            self._info = info, prefix(f.INFO.name, [*self._pairs, *pairs]) + b"1.0\n"
        return self._info[1]


def exit_lines(identity: Pairs, exits: dict[str, int]) -> bytes:
    """Return the lines of how a plugin's processes ended."""
    return b"".join(
        line(prefix(f.EXITS.name, [*identity, ("status", status)]), count)
        for status, count in exits.items()
    )
