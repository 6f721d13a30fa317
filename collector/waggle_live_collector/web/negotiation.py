"""What the client of an HTTP request takes, by RFC 9110, and what its URL asks for.

Of the media ranges that fit an offer the most specific one says how much it is wanted. What is
wanted most is chosen; of several wanted alike the one that the client names first. An entry whose
quality can't be read is not wanted.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from aiohttp import web
from multidict import MultiMapping

#: The parts of a line at its commas or semicolons, but for those within quotes.
_ENTRIES = re.compile(r'(?:[^,"]|"[^"]*")+')
_PARTS = re.compile(r'(?:[^;"]|"[^"]*")+')
_QUALITY = re.compile(r"1(\.0*)?|0?\.[0-9]+|0\.?")
#: Entries of a header that are read, of all its lines together; those of real clients have ten.
DEFAULT_MAX_ENTRIES = 100
#: The parameter that says how a metric's name may be escaped: none of ours needs that.
_ESCAPING = "escaping"


class _Entry(NamedTuple):
    """One entry of a header, in lower case; ``quality`` is from 0 to 1."""

    name: str
    parameters: frozenset[tuple[str, str]]
    quality: float


def media_type(accept: Iterable[str], offers: Sequence[str]) -> str:
    """Return which of ``offers``, content types with our favourite first, the client prefers.

    ``accept`` are its ``Accept`` lines. If none fits it is our favourite, not an error: a scraper
    has to get something.
    """
    ranges = list(_entries(accept))

    def wanted(offer: str) -> tuple[float, int]:
        content_type = _entry(offer)
        fitting = [
            (fit, -position, entry.quality)
            for position, entry in enumerate(ranges)
            if (fit := _fit(entry, content_type))
        ]
        _, position, quality = max(fitting, default=(0, 0, 0.0))
        return (quality, position) if quality else (0.0, -len(ranges))

    return max(offers, key=wanted)


def takes_gzip(accept_encoding: Iterable[str]) -> bool:
    """Return whether the client takes gzip, and wants it no less than an answer as it is."""
    wanted = {entry.name: entry.quality for entry in _entries(accept_encoding)}
    gzip = wanted.get("gzip", wanted.get("x-gzip", wanted.get("*", 0.0)))
    return gzip > 0 and gzip >= wanted.get("identity", 0.0)


def switch(query: MultiMapping[str], name: str, *, default: bool) -> bool:
    """Return a parameter of the URL that is 0 or 1; of a repeated one the last counts.

    Raises HTTPBadRequest for any other value.
    """
    value = query.getall(name, [str(int(default))])[-1]
    if value not in ("0", "1"):
        raise web.HTTPBadRequest(text=f"the parameter {name} is 0 or 1, not {value!r}\n")
    return value == "1"


def whole(query: MultiMapping[str], name: str, *, default: int, low: int, high: int) -> int:
    """Return a parameter of the URL that is a whole number; of a repeated one the last counts.

    Raises HTTPBadRequest for any other value.
    """
    value = query.getall(name, [str(default)])[-1]
    if value not in map(str, range(low, high + 1)):
        rule = f"a whole number from {low} to {high}"
        raise web.HTTPBadRequest(text=f"the parameter {name} is {rule}, not {value!r}\n")
    return int(value)


def _entries(lines: Iterable[str]) -> Iterator[_Entry]:
    found = (_entry(entry[0]) for line in lines for entry in _ENTRIES.finditer(line))
    return islice(found, DEFAULT_MAX_ENTRIES)


def _entry(text: str) -> _Entry:
    name, *parts = _PARTS.findall(text.lower()) or [""]
    parameters: dict[str, str] = {}
    for part in parts:
        key, _, value = part.partition("=")
        parameters[key.strip()] = value.strip().strip('"')
    quality = parameters.pop("q", "1")
    parameters.pop(_ESCAPING, None)
    wanted = float(quality) if _QUALITY.fullmatch(quality) else 0.0
    return _Entry(name.strip(), frozenset(parameters.items()), wanted)


def _fit(wanted: _Entry, offer: _Entry) -> int:
    """Return how specific the media range is that the offer fits; 0 if it doesn't."""
    if wanted.parameters - offer.parameters:
        return 0
    if wanted.name == offer.name:
        return 3 + len(wanted.parameters)
    if wanted.name == offer.name.partition("/")[0] + "/*":
        return 2
    return int(wanted.name == "*/*")
