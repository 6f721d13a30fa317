"""Splits the bytes of a state file into its parts by name, and lists into their rows.

The values stay JSON; :mod:`.reading` decodes them. Both functions raise ValueError, which says what
to do, if the bytes are not a state file.
"""

import json as python_json
import re
from collections.abc import Callable
from typing import Any

from msgspec import DecodeError, Raw, json

#: Deeper than any row of ours nests.
MAX_DEPTH = 32
#: Digits of the longest integer that is converted.
MAX_DIGITS = 400
#: Why a file is refused, and what to do.
NOT_OURS = (
    "it is not a whole state file; it stays as it is. Give --state.file another path, or remove it "
    "to begin without what it counted"
)
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
#: The parts of a file that are lists of rows.
_ROWS = ("plugins", "sessions", "ended", "gone", "holders", "settings")


def split(data: bytes) -> dict[str, Any]:
    """Return the values of the file by name, each as Raw or as a list of rows that are Raw."""
    try:
        return json.decode(data, type=dict[str, Raw])
    except (DecodeError, RecursionError):
        return split_loosely(data)


def split_loosely(
    data: bytes, convert: Callable[[dict[str, Any]], None] | None = None
) -> dict[str, Any]:
    """Return the same for a file that msgspec can't split, or that ``convert`` has to change.

    Python's JSON reads lone surrogates and NaN, which msgspec refuses. NaN becomes null. So only
    the row with such a value fails later, and not the whole file.
    """
    try:
        try:
            state = _python_loads(data)
        except RecursionError:
            state = _python_loads(_shallow(data))
    except ValueError as error:
        raise ValueError(f"{NOT_OURS} ({error})") from None
    if not isinstance(state, dict):
        raise ValueError(NOT_OURS)
    if convert is not None:
        convert(state)
    parts: dict[str, Any] = {name: _raw(value) for name, value in state.items()}
    for name in _ROWS:
        if isinstance(state.get(name), list):
            parts[name] = [_raw(row) for row in state[name]]
    return parts


def _python_loads(data: bytes) -> Any:
    text = data.decode(errors="surrogateescape")
    return python_json.loads(text, parse_int=_whole, parse_constant=lambda _: None)


def _raw(value: Any) -> Raw:
    return Raw(python_json.dumps(value).encode())


def _whole(digits: str) -> int | None:
    return int(digits) if len(digits) <= MAX_DIGITS else None


def _shallow(data: bytes) -> bytes:
    """Return a JSON text in which null replaces values nested :data:`MAX_DEPTH` deep."""
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
