"""The bytes of a state file to its state: whatever is wrong with a row costs that row alone.

Each value is checked, for what is read here is written and shown by code that relies on it. A row
whose plugin could not be read is left out, too. What isn't a state file at all raises ValueError.
"""

import json as python_json
import re
from collections.abc import Callable
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
from ..table.kinds.names import FUNCTION_LABELS
from ..table.plugin import Plugin
from ..table.process import Process
from ..table.tombstones import ClosedRow
from . import older
from .snapshot import FORMAT, State

#: There is room for others after it.
Revision = Annotated[int, Meta(ge=0, le=MAX_REVISION // 2)]
#: No row nests as deep as this.
MAX_DEPTH = 32
#: Digits of numbers that can be one.
MAX_DIGITS = 400
#: Why a file is refused.
NOT_OURS = (
    "it is not a whole state file; it stays as it is. Give --state.file another path, or remove it "
    "to begin without what it counted"
)
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
#: What a row begins with: the identity of a plugin, the id of a process.
_FIRST = re.compile(rb"\[(\[[^\]]*\]|[^,\]]*)")
#: The parts of a file that are lists of rows.
_ROWS = ("plugins", "sessions", "ended", "gone", "holders", "settings")
_AUTHORED = {TIMER, RATE, GAUGE, COUNTER}

T = TypeVar("T")


def read(data: bytes) -> tuple[State, list[str]]:
    """Return the state of a file's bytes, and what of it was left out: which and why.

    Raises ValueError, with what to do, if the bytes are none of a state file.
    """
    parts = _parts(data)
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
        parts = _loose(data, convert=lambda state: left_out.extend(older.convert(state)))
    return _state(parts, left_out), left_out


def _state(parts: dict[str, Any], left_out: list[str]) -> State:
    """Return all that can be read; ``left_out`` grows by what can't be."""

    def value(name: str, kind: Any, default: T) -> T:
        """Return a value beside the rows."""
        try:
            return json.decode(parts[name], type=kind) if name in parts else default
        except (DecodeError, ValueError, RecursionError) as error:
            left_out.append(f"{name}: {error}")
            return default

    def rows(
        name: str, kind: type[T], key: Callable[[T], Any], check: Callable[[T], None]
    ) -> dict[Any, T]:
        """Return the rows of a part by what tells them apart."""
        found: dict[Any, T] = {}
        decode = json.Decoder(kind).decode
        part = parts.get(name, [])
        for number, row in enumerate(
            part if isinstance(part, list) else value(name, list[Raw], []), 1
        ):
            try:
                each = decode(row)
                _require(key(each) not in found, "it stands there twice")
                check(each)
                found[key(each)] = each
            except Exception as error:  # whatever it is, it is the row's
                left_out.append(f"row {number} of {name}{_whose(row)}: {error!r}")
        return found

    def check_process(process: Process) -> None:
        _check_process(process, plugins.get(process.identity))

    def check_closed(row: ClosedRow) -> None:
        check_session_id(row.id.partition(MARK)[0])
        _require(row.id not in processes, "it stands among the sessions, too")

    def check_gone(row: GoneRow) -> None:
        _require(row.identity not in plugins, "it stands among the plugins, too")

    plugins = rows("plugins", Plugin, attrgetter("identity"), _check_plugin)
    processes = rows("sessions", Process, attrgetter("id"), check_process)
    closed = rows("ended", ClosedRow, attrgetter("id"), check_closed)
    gone = rows("gone", GoneRow, attrgetter("identity"), check_gone)
    holders = rows("holders", Holder, attrgetter("name"), _check_holder)
    settings = rows("settings", Setting, attrgetter("key"), lambda _: None)
    heard = max((plugin.last_seen for plugin in plugins.values()), default=0.0)
    return State(
        boot=value("boot", str, ""),
        monotonic=value("monotonic", Seconds, heard),
        ahead=value("ahead", Seconds, 0.0),
        awaited=value("awaited", list[str], []),
        plugins=list(plugins.values()),
        processes=list(processes.values()),
        closed=list(closed.values()),
        gone=list(gone.values()),
        boottime=value("boottime", Seconds, 0.0),
        revisions=value("revisions", tuple[Revision, Revision] | None, None),
        holders=list(holders.values()),
        settings=list(settings.values()),
    )


def _check_plugin(plugin: Plugin) -> None:
    _require(len(plugin.series) == len(plugin.totals), "it has a series twice")
    plugin.status = plugin.status if plugin.status in STATUSES else ""
    for totals in plugin.totals:
        _check_series(totals)


def _check_process(process: Process, plugin: Plugin | None) -> None:
    check_session_id(process.id.partition(MARK)[0])
    if plugin is None:
        raise ValueError("its plugin is missing")
    for cell in process.cells:
        _check_series(cell)
        _require(cell.key in plugin.series, f"its plugin has no {cell.kind} {cell.name!r}")
    known = {(cell.kind, cell.name, cell.labels) for cell in process.cells}
    _require(len(known) == len(process.cells), "it has a series twice")
    process.join(plugin)


def _check_holder(holder: Holder) -> None:
    check_holder(holder.name)
    _require(len(holder.leases) == len(holder.rows), "it has a lease twice")


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ValueError(otherwise)


def _check_series(row: Any) -> None:
    """Check what the types of a row of a plugin or process can't say; raises ValueError."""
    kind, name, labels = row.kind, row.name, row.labels
    if kind in _AUTHORED:
        # Sorted, and none twice.
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
    """Return whose row it is, as far as that can be seen; nothing of a key."""
    first = _FIRST.match(bytes(row)[:1000])
    return f" ({excerpt(first[1])})" if first else ""


def _parts(data: bytes) -> dict[str, Any]:
    """Return the values of the file by name, as Raw; or, of a list, its rows as Raw."""
    try:
        return json.decode(data, type=dict[str, Raw])
    except (DecodeError, RecursionError):
        return _loose(data)


def _loose(data: bytes, convert: Callable[[dict[str, Any]], None] | None = None) -> dict[str, Any]:
    """Return the same of a file that msgspec can't split into its rows, or that is to be converted.

    Python takes NaN and halves of surrogates in its stride, and a row with one fails by itself.
    """
    try:
        try:
            state = _python_loads(data)
        except RecursionError:
            state = _python_loads(_shallow(data))
    except ValueError as error:
        raise ValueError(f"{NOT_OURS} ({error})") from None
    _require(isinstance(state, dict), NOT_OURS)
    if convert is not None:
        convert(state)
    parts: dict[str, Any] = {name: _raw(value) for name, value in state.items()}
    for name in _ROWS:
        if isinstance(state.get(name), list):
            parts[name] = [_raw(row) for row in state[name]]
    return parts


def _python_loads(data: bytes) -> Any:
    return python_json.loads(data.decode(errors="surrogateescape"), parse_int=_whole)


def _raw(value: Any) -> Raw:
    return Raw(python_json.dumps(value).encode())


def _whole(digits: str) -> int | None:
    return int(digits) if len(digits) <= MAX_DIGITS else None


def _shallow(data: bytes) -> bytes:
    """Return a JSON text with null in the place of what is nested too deep to be read."""
    kept: list[bytes] = []
    depth = begin = 0
    for token in _TOKEN.finditer(data):
        if token[0] in b"[{":
            depth += 1
            if depth == MAX_DEPTH:
                kept += data[begin : token.start()], b"null"
        elif token[0] in b"]}":
            if depth == MAX_DEPTH:
                begin = token.end()
            depth -= 1
    return b"".join([*kept, data[begin:]]) if depth < MAX_DEPTH else data[:0]
