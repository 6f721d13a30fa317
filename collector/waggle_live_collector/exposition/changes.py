"""``/api/v1/changes``: what has changed since an earlier answer, for the page.

A field or series that has changed is sent whole, not as a difference. So an answer may contain more
than its reader needs, and several readers can share it. Numbers have as few digits as the page
shows. Answers take a tenth of the bytes of ``/api/v1/plugins``.
"""

import os
from array import array
from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Any

from msgspec import json

from waggle_live.wire import protocol

from ..clock import Clock
from ..faults import Faults
from ..table.plugin import Plugin
from ..table.recent import WINDOW
from ..table.series import Series
from ..table.table import Table
from .json import SERIES, by_cost, counted, describe, function, told_of

#: Series rendered before others have their turn.
DEFAULT_BATCH = 50
#: Seconds without a request after which it is forgotten what was sent.
DEFAULT_KEEP_SECONDS = 60.0
#: The list of a plugin for each kind of series. Below, the fields of a row of each list, in order.
_LISTS = {kind: name for kind, (name, _) in SERIES.items()}
_LISTS |= {protocol.MESSAGES: "messages", protocol.UPLOADS: "uploads"}
FIELDS = {
    "timers": ("count", "sum", "failures", "last", "mean", "p50", "p95", "p99"),
    "rates": ("total", "per_second", "block_per_second", "last"),
    "gauges": ("value",),
    "counters": ("total",),
    "messages": ("total", "per_second"),
    "uploads": ("total", "per_second"),
}
#: Fields that are rounded to four digits, and those rounded to 0.1 ms. Other numbers are exact.
_SHORT = {"last", "mean", "p50", "p95", "p99", "per_second", "block_per_second", "cpu_per_second"}
_SUMS = {"sum", "cpu_seconds"}
#: Fields of ``/api/v1/plugins`` that are left out here. Rows and ``silent`` replace them.
_ELSEWHERE = (
    *("last_seen", "silent"),
    *("messages", "messages_per_second", "messages_age"),
    *("uploads", "uploads_per_second", "uploads_age"),
)


class Changes:
    """Makes the answers. It keeps hashes of what it sent last. Belongs to the event loop."""

    def __init__(self, *, table: Table, faults: Faults, clock: Clock) -> None:
        self._table = table
        self._faults = faults
        self._clock = clock
        self._forget()

    def _forget(self) -> None:
        #: A random prefix of positions: one from before a restart or ``_forget`` is unknown.
        self._life = os.urandom(4).hex()
        #: The number of the newest answer.
        self.newest = 0
        self._plugins: dict[Plugin, _Told] = {}
        self._ids = count()
        self._asked = self._clock.monotonic()

    def tick(self) -> None:
        """Forget what was sent if nobody has asked for long. Call about once a second."""
        if self._plugins and self._clock.monotonic() - self._asked > DEFAULT_KEEP_SECONDS:
            self._forget()

    def number(self, position: str) -> int:
        """Return the number of the answer at a position; 0 if the position is unknown."""
        life, _, number = position.partition("-")
        known = life == self._life and number.isascii() and number.isdecimal() and len(number) < 10
        return int(number) if known and int(number) <= self.newest else 0

    def text(self, since: int) -> Iterator[bytes]:
        """Yield the JSON text, in pieces, of what has changed since an answer; 0 yields all.

        Others may have their turn between two pieces. What can't be rendered is left out and
        logged.
        """
        self._clock.refresh()
        now = self._asked = self._clock.monotonic()
        self.newest += 1
        number, plugins = self.newest, list(self._table.shown(now))
        for gone in self._plugins.keys() - set(plugins):
            del self._plugins[gone]
        head: dict[str, Any] = {"position": f"{self._life}-{number}", "whole": not since}
        head |= {"now": self._clock.unix(now), "clock": round(now, 3)}
        if not since:
            head["fields"] = FIELDS
        yield json.encode(head)[:-1] + b',"plugins":['
        comma = b""
        for plugin in plugins:
            told = self._plugins.get(plugin)
            if told is None:
                told = self._plugins[plugin] = _Told(id=next(self._ids))
            yield comma + b'{"id":%d,"silent":%.1f' % (told.id, max(now - plugin.last_seen, 0.0))
            comma = b","
            with self._faults.kept("exposition", f"can't render {plugin.identity}; it is left out"):
                yield from self._plugin(plugin, told, since, now)
            yield b"}"
        yield b"]}"

    def _plugin(self, plugin: Plugin, told: "_Told", since: int, now: float) -> Iterator[bytes]:
        state = plugin.state(now)
        yield from self._series(plugin, told, since, now)
        of_kind = partial(_of_kind, plugin)
        problems = dict(counted(each, state, WINDOW, now) for each in of_kind(protocol.PROBLEM))
        head = describe(plugin, state, ({}, {}, problems), self._clock, now)
        head["functions"] = by_cost([function(each) for each in of_kind(protocol.FUNCTION)])
        for name in _ELSEWHERE:
            del head[name]
        news = []
        for place, (name, value) in enumerate(head.items()):
            text = b'"%b":%b' % (name.encode(), json.encode(_short(name, value)))
            if told.fields.is_news(place, text, self.newest, since):
                news.append(text)
        if news:
            yield b',"head":{%b}' % b",".join(news)

    def _series(self, plugin: Plugin, told: "_Told", since: int, now: float) -> Iterator[bytes]:
        state, number, seen = plugin.state(now), self.newest, told.series
        new, rows = [], []
        shown = [each for each in plugin.series.items() if each[0].kind in _LISTS]
        for place, (key, series) in enumerate(shown):
            if place == len(told.born):
                told.born.append(number)
            if told.born[place] > since:
                new.append(json.encode([place, _LISTS[key.kind], key.name, dict(key.labels)]))
            values: list[Any] = [None] * len(FIELDS[_LISTS[key.kind]])
            with self._faults.kept("exposition", f"can't render {key!r}; its values are left out"):
                values = _values(series, state, now)
            at = series.stamp.at
            if seen.is_news(place, json.encode([values, at]), number, since):
                rows.append(json.encode([place, round(max(now - at, 0.0), 1), *values]))
            if not place % DEFAULT_BATCH:
                yield b""
        for name, parts in ((b"new", new), (b"rows", rows)):
            if parts:
                yield b',"%b":[%b]' % (name, b",".join(parts))


class _Told:
    """What was sent of a plugin: its fields, and its series in the order of the plugin's."""

    __slots__ = ("born", "fields", "id", "series")

    def __init__(self, id: int) -> None:
        self.id = id
        self.fields, self.series = _Seen(), _Seen()
        #: For each series, the number of the first answer that had it.
        self.born = array("L")


class _Seen:
    """The hash of each text, and the number of the last answer in which it had changed."""

    __slots__ = ("_changed", "_hashes")

    def __init__(self) -> None:
        self._hashes, self._changed = array("q"), array("L")

    def is_news(self, place: int, text: bytes, number: int, since: int) -> bool:
        """Note a text of the answer ``number``; tell whether it has changed since ``since``."""
        mark = hash(text)
        if place == len(self._hashes):
            self._hashes.append(mark)
            self._changed.append(number)
        elif mark != self._hashes[place]:
            self._hashes[place] = mark
            self._changed[place] = number
        return self._changed[place] > since


def _values(series: Series, state: str, now: float) -> list[Any]:
    kind = series.totals.kind
    if kind in SERIES:
        told = told_of(series, SERIES[kind][1], state, WINDOW, now)
    else:
        told = counted(series, state, WINDOW, now)[1]._asdict()  # type: ignore[arg-type]
    return [_short(name, told[name]) for name in FIELDS[_LISTS[kind]]]


def _short(name: str, value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return float(f"{value:.4g}") if name in _SHORT else round(value, 4) if name in _SUMS else value


def _of_kind(plugin: Plugin, kind: str) -> list[Any]:
    return [series for key, series in plugin.series.items() if key.kind == kind]
