"""Names of series without room: the field ``refused`` of an error ``budget``."""

from json.decoder import JSONDecoder
from typing import Any, Mapping, Optional, Tuple

from .protocol import Labels, encode_cell

_decode_json = JSONDecoder().decode  # not json's own: programs replace it


def encode_refused(kind: str, name: str, labels: Mapping[str, str]) -> str:
    """Return the text that names a series."""
    return encode_cell({"kind": kind, "name": name, "labels": labels})


def decode_refused(text: Any) -> Optional[Tuple[str, str, Labels]]:
    """Return kind, name and labels of the series that a text names; None if it names none.

    A text that was cut, as a peer's may be, names none.
    """
    try:
        cell = _decode_json(text)
        kind, name, labels = cell["kind"], cell.get("name") or "", cell.get("labels") or {}
        pairs = tuple(sorted(labels.items()))
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        return None
    texts = [kind, name, *(text for pair in pairs for text in pair)]
    return (kind, name, pairs) if all(type(text) is str for text in texts) else None
