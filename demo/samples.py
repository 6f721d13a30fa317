"""Reading Prometheus text: just enough of it to show what a scraper gets."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import NamedTuple

_LINE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: \S+)?\Z")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",?')
_ESCAPED = re.compile(r"\\(.)")


class Sample(NamedTuple):
    """One line of an exposition."""

    name: str
    labels: dict[str, str]
    value: float


def parse(text: str) -> Iterator[Sample]:
    """Yield the samples of a Prometheus text; raises ValueError for what is none."""
    for line in text.splitlines():
        if line and not line.startswith("#"):
            match = _LINE.match(line)
            if match is None:
                raise ValueError(f"not a line of Prometheus text: {line!r}")
            name, labels, value = match.groups()
            pairs = {label: _unescape(text) for label, text in _LABEL.findall(labels or "")}
            yield Sample(name, pairs, float(value))


def get(url: str, timeout: float = 2.0) -> str | None:
    """Return what stands at ``url``; None while nobody answers there, or not with 200."""
    # Without a proxy: the environment's is for the world, and this is our own collector.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout) as response:
            body: bytes = response.read()
    except (urllib.error.URLError, OSError):
        return None
    return body.decode()


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda match: "\n" if match[1] == "n" else match[1], text)
