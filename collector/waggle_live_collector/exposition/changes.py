"""``/api/v1/changes``: what has changed since an earlier answer, for the page.

It carries state, never differences: a field or series that has changed is sent whole. So an answer
may contain more than its reader lacks, and several readers share one. Numbers are as short as a
page shows them, which takes a tenth of the bytes of ``/api/v1/plugins``.
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

#: Series that are told of at a time.
DEFAULT_BATCH = 50
#: Seconds after which what was told is forgotten if nobody asks any more.
DEFAULT_KEEP_SECONDS = 60.0
#: The lists of an object that are told as rows, by the kind of their series, and the fields of each
#: row in their order.
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
#: These are told with four digits, and sums to a tenth of a millisecond. Other numbers are exact.
_SHORT = {"last", "mean", "p50", "p95", "p99", "per_second", "block_per_second", "cpu_per_second"}
_SUMS = {"sum", "cpu_seconds"}
#: A plugin's fields that are told otherwise: as rows, or by how long it is silent.
_ELSEWHERE = (
    *("last_seen", "silent"),
    *("messages", "messages_per_second", "messages_age"),
    *("uploads", "uploads_per_second", "uploads_age"),
)


class Changes:
    """Knows by hashes what was told, of each answer the newest. Belongs to the event loop."""

    def __init__(self, *, table: Table, faults: Faults, clock: Clock) -> None:
        self._table = table
        self._faults = faults
        self._clock = clock
        self._forget()

    def _forget(self) -> None:
        #: Answers are numbered. Positions of another life of this object begin with another word.
        self._life = os.urandom(4).hex()
        #: The number of the newest answer.
        self.newest = 0
        self._plugins: dict[Plugin, _Told] = {}
        self._ids = count()
        self._asked = self._clock.monotonic()

    def tick(self) -> None:
        """Forget what was told if nobody asks any more; call about once a second."""
        if self._plugins and self._clock.monotonic() - self._asked > DEFAULT_KEEP_SECONDS:
            self._forget()

    def number(self, position: str) -> int:
        """Return the number of the answer at a position; 0, before all, if there is none."""
        life, _, number = position.partition("-")
        known = life == self._life and number.isascii() and number.isdecimal() and len(number) < 10
        return int(number) if known and int(number) <= self.newest else 0

    def text(self, since: int) -> Iterator[bytes]:
        """Yield the JSON text, in pieces, of what has changed since the answer of that number.

        Since 0: all there is. Others may have their turn between two pieces.
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
            with self._faults.kept("exposition", f"can't tell of {plugin.identity}; left out"):
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
            with self._faults.kept("exposition", f"can't tell of {key!r}"):
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
    """What was told of a plugin: its fields, and its series in the order in which they came."""

    __slots__ = ("born", "fields", "id", "series")

    def __init__(self, id: int) -> None:
        self.id = id
        self.fields, self.series = _Seen(), _Seen()
        #: The numbers of the answers that each series first stood in.
        self.born = array("L")


class _Seen:
    """Of some texts the hashes, and the numbers of the answers in which each was new last."""

    __slots__ = ("_changed", "_hashes")

    def __init__(self) -> None:
        self._hashes, self._changed = array("q"), array("L")

    def is_news(self, place: int, text: bytes, number: int, since: int) -> bool:
        """Take in a text for the answer ``number``; tell if it was another one at ``since``."""
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
