"""The lines about a plugin itself: whether it is up, who it is, what it uses."""

from __future__ import annotations

from ..clock import Clock
from ..identity.labels import ProcessInfo
from ..table.plugin import Plugin
from . import families as f
from .families import Family
from .format import number, prefix
from .tau_lines import last_dump

_PLAIN = (f.UP, f.SESSIONS, f.START, f.LAST_SEEN, f.CPU, f.MEMORY, f.TAU_LAST_DUMP)


class PluginLines:
    """Prefixes are rendered once; the few numbers on every scrape."""

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin
        self._pairs = plugin.identity.pairs()
        self._prefixes = {family: prefix(family.name, self._pairs) for family in _PLAIN}
        self._claim: ProcessInfo | None = None
        self._info = b""

    def put(self, chunks: dict[Family, list[bytes]], clock: Clock) -> None:
        """Add the lines to those of their families."""
        plugin = self._plugin
        memory = plugin.memory_bytes()
        values = {
            f.UP: plugin.up,
            f.SESSIONS: sum(1 for _ in plugin.connected()),
            f.START: round(plugin.started, 3),
            f.LAST_SEEN: clock.unix(plugin.last_seen),
        }
        cpu = plugin.cpu_seconds()
        if cpu is not None:
            values[f.CPU] = cpu
        if memory is not None:
            values[f.MEMORY] = memory
        dump = last_dump(plugin, clock)
        if dump is not None:
            values[f.TAU_LAST_DUMP] = dump
        for family, value in values.items():
            chunks[family].append(b"%b%b\n" % (self._prefixes[family], number(value)))
        chunks[f.INFO].append(self._info_line())
        for status, exits in plugin.exits.items():
            line = prefix(f.EXITS.name, [*self._pairs, ("status", status)])
            chunks[f.EXITS].append(b"%b%b\n" % (line, number(exits)))

    def _info_line(self) -> bytes:
        claim = self._plugin.claim
        if claim is not self._claim:
            pairs = [
                ("app_id", claim.app_id),
                ("version", claim.version),
                ("host", claim.host),
                ("zone", claim.zone),
                ("verified", "yes" if claim.verified else "no"),
                ("client", claim.client),
            ]
            self._info = prefix(f.INFO.name, [*self._pairs, *pairs]) + b"1.0\n"
            self._claim = claim
        return self._info
