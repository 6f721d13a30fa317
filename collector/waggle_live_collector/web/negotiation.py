"""Content negotiation by RFC 9110, and the parameters of URLs.

The most specific media range that matches an offer gives its quality. The offer with the highest
quality is chosen, and among equals the one that the client names first. An entry with an invalid
quality counts as 0.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from aiohttp import web
from multidict import MultiMapping

#: The parts of a line between commas, or semicolons, that aren't in quotes.
_ENTRIES = re.compile(r'(?:[^,"]|"[^"]*")+')
_PARTS = re.compile(r'(?:[^;"]|"[^"]*")+')
_QUALITY = re.compile(r"1(\.0*)?|0?\.[0-9]+|0\.?")
#: The most entries of a header that are read, over all its lines. Real clients send about ten.
DEFAULT_MAX_ENTRIES = 100
#: Prometheus's parameter for escaped metric names. Our names need no escaping.
_ESCAPING = "escaping"


class _Entry(NamedTuple):
    """One entry of a header, in lower case; ``quality`` is from 0 to 1."""

    name: str
    parameters: frozenset[tuple[str, str]]
    quality: float


def media_type(accept: Iterable[str], offers: Sequence[str]) -> str:
    """Return which of ``offers``, content types in our order, the client prefers.

    ``accept`` are its ``Accept`` lines. If none matches, return the first offer: an error would
    leave the scraper with nothing.
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
    """Return whether the client accepts gzip, and doesn't prefer an uncompressed answer."""
    wanted = {entry.name: entry.quality for entry in _entries(accept_encoding)}
    gzip = wanted.get("gzip", wanted.get("x-gzip", wanted.get("*", 0.0)))
    return gzip > 0 and gzip >= wanted.get("identity", 0.0)


def switch(query: MultiMapping[str], name: str, *, default: bool) -> bool:
    """Return a parameter of the URL that is 0 or 1. The last one counts.

    Raises HTTPBadRequest for any other value.
    """
    value = query.getall(name, [str(int(default))])[-1]
    if value not in ("0", "1"):
        raise web.HTTPBadRequest(text=f"the parameter {name} is 0 or 1, not {value!r}\n")
    return value == "1"


def whole(query: MultiMapping[str], name: str, *, default: int, low: int, high: int) -> int:
    """Return a parameter of the URL that is a whole number. The last one counts.

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
    """Return how specific a media range is that matches an offer; 0 if it doesn't match."""
    if wanted.parameters - offer.parameters:
        return 0
    if wanted.name == offer.name:
        return 3 + len(wanted.parameters)
    if wanted.name == offer.name.partition("/")[0] + "/*":
        return 2
    return int(wanted.name == "*/*")
