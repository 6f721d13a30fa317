"""Decodes the bytes of a state file. A faulty row is left out, and all others are kept.

Each value is checked, since the code that shows and saves it relies on that. A process is left out
if its plugin is. If a series can't be read, its plugin and processes stay: a newer collector may
have written kinds of series that this one doesn't know. Bytes that are no state file raise
ValueError.
"""

import re
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Annotated, Any, TypeVar

from msgspec import DecodeError, Meta, Raw, json

from waggle_live.wire.knobs import MAX_REVISION
from waggle_live.wire.protocol import (
    COUNTER,
    FUNCTION,
    GAUGE,
    MESSAGES,
    OVERFLOW,
    PROBLEM,
    PROBLEMS,
    RATE,
    TAU,
    TIMER,
    UPLOADS,
    check_function,
    check_labels,
    check_name,
    check_session_id,
)

from ..clock import Seconds
from ..control.leases import Holder, check_holder
from ..control.setting import Setting
from ..identity.labels import MARK
from ..messages import excerpt
from ..table.exits import STATUSES, GoneRow
from ..table.kinds import AnyApplied, AnyTotals
from ..table.kinds.names import FUNCTION_LABELS
from ..table.plugin import Plugin
from ..table.process import Process
from ..table.series import Key
from ..table.tombstones import ClosedRow
from . import older
from .parts import NOT_OURS, split, split_loosely
from .snapshot import FORMAT, State

#: A revision of a state file. Half of the range is left for the revisions that follow.
Revision = Annotated[int, Meta(ge=0, le=MAX_REVISION // 2)]
#: The first field of a row: the identity of a plugin, or the id of a process.
_FIRST = re.compile(rb"\[(\[[^\]]*\]|[^,\]]*)")
_AUTHORED = {TIMER, RATE, GAUGE, COUNTER}

_decode_plugin = json.Decoder(Plugin).decode
_decode_process = json.Decoder(Process).decode
_decode_totals: Callable[[Raw], AnyTotals] = json.Decoder(AnyTotals).decode
_decode_cell: Callable[[Raw], AnyApplied] = json.Decoder(AnyApplied).decode
_decode_closed = json.Decoder(ClosedRow).decode
_decode_gone = json.Decoder(GoneRow).decode
_decode_holder = json.Decoder(Holder).decode
_decode_setting = json.Decoder(Setting).decode
#: The positions of the series in the rows of plugins and processes.
_TOTALS = Plugin.__struct_fields__.index("totals")
_CELLS = Process.__struct_fields__.index("cells")

T = TypeVar("T")


def read(data: bytes) -> tuple[State, list[str]]:
    """Return the state in a file's bytes, and a text for each part that was left out.

    Raises ValueError, which says what to do, if the bytes are not a state file.
    """
    parts = split(data)
    try:
        form = json.decode(parts["format"], type=int)
    except (KeyError, DecodeError):
        form = 0
    if form > FORMAT:
        raise ValueError(
            f"its format is {form}, of a newer collector; this one reads up to {FORMAT}. Start the "
            "newer one again, or remove the file to begin without what it counted"
        )
    if form < older.FORMAT or not parts.keys() >= {"plugins", "sessions"}:
        raise ValueError(NOT_OURS)
    left_out: list[str] = []
    if form == older.FORMAT:
        parts = split_loosely(data, convert=lambda state: left_out.extend(older.convert(state)))
    return _Reader(parts, left_out).state(), left_out


class _Reader:
    """Reads the parts of one file, and adds to ``left_out`` what can't be read."""

    def __init__(self, parts: dict[str, Any], left_out: list[str]) -> None:
        self._parts = parts
        self._left_out = left_out
        self._plugins: dict[Any, Plugin] = {}
        self._processes: dict[Any, Process] = {}

    def state(self) -> State:
        """Return all that can be read."""
        value, rows = self._value, self._rows
        # The order matters: each part is checked against those before it.
        plugins = self._plugins = rows("plugins", self._plugin, attrgetter("identity"))
        processes = self._processes = rows("sessions", self._process, attrgetter("id"))
        heard = max((plugin.last_seen for plugin in plugins.values()), default=0.0)
        return State(
            boot=value("boot", str, ""),
            monotonic=value("monotonic", Seconds, heard),
            ahead=value("ahead", Seconds, 0.0),
            awaited=value("awaited", list[str], []),
            plugins=list(plugins.values()),
            processes=list(processes.values()),
            closed=list(rows("ended", self._closed, attrgetter("id")).values()),
            gone=list(rows("gone", self._gone, attrgetter("identity")).values()),
            boottime=value("boottime", Seconds, 0.0),
            revisions=value("revisions", tuple[Revision, Revision] | None, None),
            holders=list(rows("holders", _holder, attrgetter("name")).values()),
            settings=list(rows("settings", _decode_setting, attrgetter("key")).values()),
        )

    def _value(self, name: str, kind: Any, default: T) -> T:
        """Return a part that isn't a list of rows."""
        try:
            return json.decode(self._parts[name], type=kind) if name in self._parts else default
        except (DecodeError, ValueError, RecursionError) as error:
            self._left_out.append(f"{name}: {error}")
            return default

    def _rows(self, name: str, read: Callable[[Raw], T], key: Callable[[T], Any]) -> dict[Any, T]:
        """Return the rows of a part by their keys."""
        found: dict[Any, T] = {}
        part = self._parts.get(name, [])
        for number, row in enumerate(
            part if isinstance(part, list) else self._value(name, list[Raw], []), 1
        ):
            try:
                each = read(row)
                _require(key(each) not in found, "the file has it twice")
                found[key(each)] = each
            except Exception as error:  # any error costs this row alone
                self._left_out.append(f"row {number} of {name}{_whose(row)}: {error!r}")
        return found

    def _series(self, owner: Raw, rows: list[Raw], read: Callable[[Raw], Any]) -> Iterator[Any]:
        """Yield the series of a plugin or process that can be read."""
        for number, row in enumerate(rows, 1):
            try:
                yield read(row)
            except Exception as error:  # any error costs this series alone
                self._left_out.append(f"series {number}{_whose(owner)}: {error!r}")

    def _plugin(self, row: Raw) -> Plugin:
        bare, its = _apart(row, _TOTALS)
        plugin = _decode_plugin(bare)
        plugin.status = plugin.status if plugin.status in STATUSES else ""

        def read(row: Raw) -> AnyTotals:
            totals = _decode_totals(row)
            _check_series(totals)
            key = Key(totals.kind, totals.name, totals.labels)
            _require(key not in plugin.series, "the file has it twice")
            return totals

        for totals in self._series(row, its, read):
            plugin.add(plugin.make(totals))
        return plugin

    def _process(self, row: Raw) -> Process:
        bare, its = _apart(row, _CELLS)
        process = _decode_process(bare)
        check_session_id(process.id.partition(MARK)[0])
        plugin = self._plugins.get(process.identity)
        if plugin is None:
            raise ValueError("its plugin is missing")
        known, seen = plugin.series, set()

        def read(row: Raw) -> AnyApplied:
            cell = _decode_cell(row)
            _check_series(cell)
            _require(cell.key in known, f"its plugin has no {cell.kind} {cell.name!r}")
            told = cell.kind, cell.name, cell.labels
            _require(told not in seen, "the file has it twice")
            seen.add(told)
            return cell

        process.cells = list(self._series(row, its, read))
        process.join(plugin)
        return process

    def _closed(self, row: Raw) -> ClosedRow:
        closed = _decode_closed(row)
        check_session_id(closed.id.partition(MARK)[0])
        _require(closed.id not in self._processes, "it is among the sessions, too")
        return closed

    def _gone(self, row: Raw) -> GoneRow:
        gone = _decode_gone(row)
        _require(gone.identity not in self._plugins, "it is among the plugins, too")
        return gone


def _holder(row: Raw) -> Holder:
    holder = _decode_holder(row)
    check_holder(holder.name)
    _require(len(holder.leases) == len(holder.rows), "it has a lease twice")
    return holder


def _apart(row: Raw, place: int) -> tuple[bytes, list[Raw]]:
    """Return the row of a plugin or process without its series, and the series."""
    fields = json.decode(row, type=list[Raw])
    series = json.decode(fields[place], type=list[Raw]) if len(fields) > place else []
    fields[place : place + 1] = [Raw(b"[]")] if len(fields) > place else []
    return json.encode(fields), series


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ValueError(otherwise)


def _check_series(row: Any) -> None:
    """Raise ValueError if a series has a kind, name or labels that it can't have."""
    kind, name, labels = row.kind, row.name, row.labels
    if kind in _AUTHORED:
        _require(check_labels(dict(labels)) == labels, "labels are sorted pairs")
    elif kind == FUNCTION:
        _require(labels in FUNCTION_LABELS, "the only label of a function is its profiler")
    else:
        _require(not labels, f"a {kind} has no labels")
    if kind == FUNCTION:
        check_function(name)
    elif kind in (UPLOADS, TAU):
        _require(not name, f"{kind} has no name")
    elif kind == PROBLEM:
        _require(name in PROBLEMS, f"there is no problem {name!r}")
    else:
        _require(kind in _AUTHORED or kind == MESSAGES, f"there is no kind {kind!r}")
        if name != OVERFLOW:
            check_name(name)


def _whose(row: Raw) -> str:
    """Return whose row it is, if that can be read. The text has nothing of a secret key."""
    first = _FIRST.match(bytes(row)[:1000])
    return f" ({excerpt(first[1])})" if first else ""
